import Synchronization

/// Counts the exits of one vCPU by reason, and by port or address.
///
/// One thread counts, the vCPU's own; any thread takes ``counts()`` meanwhile, and sees each number
/// as it was at some moment, not all at the same one. Nothing is allocated after creation: accesses
/// are kept in a table of fixed size with open addressing, and those that find no place in it are
/// counted together.
@safe
package final class ExitStatistics: @unchecked Sendable {
  /// Places in the table, a power of two; 16 bytes each.
  package static let capacity = 1024
  /// How far from its own place an entry may stand, so that a full table stays quick to search.
  private static let reach = 16

  private static let reasonCount = VCPUExit.reasonNames.count
  private static let otherPorts = reasonCount
  private static let otherAddresses = reasonCount + 1
  private static let tableStart = reasonCount + 2
  private static let wordCount = tableStart + 2 * capacity

  // The words are: a count for each reason, the two for accesses without a place, then the table,
  // each place a key (0 when free) and a count.
  private let words: UnsafeMutablePointer<Atomic<UInt64>>

  /// Starts with zero everywhere.
  package init() {
    unsafe words = .allocate(capacity: Self.wordCount)
    for index in 0..<Self.wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
  }

  deinit {
    unsafe words.deinitialize(count: Self.wordCount)
    unsafe words.deallocate()
  }

  /// Counts an exit; on the vCPU's thread only.
  package func record(_ exit: VCPUExit) {
    add(exit.reasonIndex)
    switch exit {
    case .portRead(let access):
      record(Key(port: access.port, .read), other: Self.otherPorts)
    case .portWrite(let access):
      record(Key(port: access.port, .write), other: Self.otherPorts)
    case .mmioRead(let access):
      record(Key(address: access.address, .read), other: Self.otherAddresses)
    case .mmioWrite(let access, _):
      record(Key(address: access.address, .write), other: Self.otherAddresses)
    default: break
    }
  }

  private func record(_ key: Key?, other: Int) {
    guard let key else { return add(other) }
    var place = key.place
    for _ in 0..<Self.reach {
      let word = Self.tableStart + 2 * place
      let found = load(word)
      if found == 0 { store(word, key.rawValue) }
      if found == 0 || found == key.rawValue { return add(word + 1) }
      place = (place + 1) & (Self.capacity - 1)
    }
    add(other)
  }

  /// What was counted so far.
  package func counts() -> ExitCounts {
    var counts = ExitCounts()
    for (index, name) in VCPUExit.reasonNames.enumerated() {
      let count = load(index)
      if count > 0 { counts.reasons.append(ExitCounts.Reason(name: name, count: count)) }
    }
    for place in 0..<Self.capacity {
      // A key whose count is not there yet is an exit that comes with the next copy.
      let key = Key(rawValue: load(Self.tableStart + 2 * place))
      let count = load(Self.tableStart + 2 * place + 1)
      guard count > 0 else { continue }
      let access = ExitCounts.Access(address: key.address, direction: key.direction, count: count)
      if key.isPort { counts.ports.append(access) } else { counts.addresses.append(access) }
    }
    counts.ports.sort(by: Self.precedes)
    counts.addresses.sort(by: Self.precedes)
    counts.otherPorts = load(Self.otherPorts)
    counts.otherAddresses = load(Self.otherAddresses)
    return counts
  }

  private static func precedes(_ left: ExitCounts.Access, _ right: ExitCounts.Access) -> Bool {
    if left.count != right.count { return left.count > right.count }
    if left.address != right.address { return left.address < right.address }
    return left.direction == .read && right.direction == .write
  }

  /// Only one thread writes, so a load and a store are an addition.
  private func add(_ index: Int) {
    store(index, load(index) &+ 1)
  }

  private func load(_ index: Int) -> UInt64 {
    unsafe words[index].load(ordering: .relaxed)
  }

  private func store(_ index: Int, _ value: UInt64) {
    unsafe words[index].store(value, ordering: .relaxed)
  }
}

/// A port or address with a direction, in one word that is never 0.
///
/// Bit 63 is set, bit 62 for ports, bit 61 for writes; the rest is the address, of which x86 has at
/// most 52 bits (Intel SDM vol. 3, 4.1.4).
private struct Key {
  let rawValue: UInt64

  private static let used: UInt64 = 1 << 63
  private static let port: UInt64 = 1 << 62
  private static let write: UInt64 = 1 << 61
  private static let addressMask = write - 1

  init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  init(port: UInt16, _ direction: ExitCounts.Direction) {
    rawValue = Self.used | Self.port | UInt64(port) | (direction == .write ? Self.write : 0)
  }

  /// Nil for an address beyond what fits, which no guest can make.
  init?(address: UInt64, _ direction: ExitCounts.Direction) {
    guard address <= Self.addressMask else { return nil }
    rawValue = Self.used | address | (direction == .write ? Self.write : 0)
  }

  var isPort: Bool { rawValue & Self.port != 0 }
  var direction: ExitCounts.Direction { rawValue & Self.write != 0 ? .write : .read }
  var address: UInt64 { rawValue & Self.addressMask }

  /// Where in the table it is looked for first: Fibonacci hashing, the upper bits.
  var place: Int {
    Int(truncatingIfNeeded: (rawValue &* 0x9e37_79b9_7f4a_7c15) >> 54)
  }
}
