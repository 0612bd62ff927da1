/// Guest memory as plain arrays, looked up one byte at a time.
struct MemoryModel {
  struct Region {
    var start: UInt64
    var bytes: [UInt8]

    /// The last address, which may be the last there is.
    var last: UInt64 { start + UInt64(bytes.count - 1) }
  }

  private(set) var regions: [Region] = []

  /// Adds a region; false, and no change, when it shares an address with another.
  mutating func insert(_ start: UInt64, _ count: Int) -> Bool {
    let new = Region(start: start, bytes: [UInt8](repeating: 0, count: count))
    guard regions.allSatisfy({ $0.last < new.start || new.last < $0.start }) else { return false }
    regions.append(new)
    regions.sort { $0.start < $1.start }
    return true
  }

  mutating func remove(_ index: Int) {
    regions.remove(at: index)
  }

  private func find(_ address: UInt64) -> Int? {
    regions.firstIndex { $0.start <= address && address <= $0.last }
  }

  func isMapped(_ address: UInt64) -> Bool { find(address) != nil }

  /// How many bytes from the address on are mapped without a hole, `limit` at most.
  func mappedCount(_ address: UInt64, limit: Int) -> Int {
    var done = 0
    while done < limit {
      let (cursor, overflow) = address.addingReportingOverflow(UInt64(done))
      guard !overflow, let index = find(cursor) else { break }
      // All of this region at once.
      done += Int(min(UInt64(limit - done - 1), regions[index].last - cursor)) + 1
    }
    return done
  }

  /// The stretches of the range inside one region each.
  func pieces(_ address: UInt64, _ count: Int) -> [(start: UInt64, count: Int)] {
    var result: [(start: UInt64, count: Int)] = []
    for offset in 0..<UInt64(count) {
      let cursor = address &+ offset
      if let last = result.last, find(last.start) == find(cursor) {
        result[result.count - 1].count += 1
      } else {
        result.append((cursor, 1))
      }
    }
    return result
  }

  subscript(address: UInt64) -> UInt8 {
    get { find(address).map { regions[$0].bytes[Int(address - regions[$0].start)] } ?? 0 }
    set {
      guard let index = find(address) else { return }
      regions[index].bytes[Int(address - regions[index].start)] = newValue
    }
  }

  func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
    (0..<UInt64(count)).map { self[address &+ $0] }
  }

  mutating func write(_ bytes: ArraySlice<UInt8>, _ address: UInt64) {
    for (offset, byte) in bytes.enumerated() { self[address &+ UInt64(offset)] = byte }
  }
}
