import DriverMock

/// A descriptor chain as the specification describes it, read byte by byte and with no care for
/// speed: what the queue's own walk is compared with.
struct ReferenceChain {
  /// Pieces of the arena, in order.
  var readable: [Range<Int>] = []
  var writable: [Range<Int>] = []

  var readableByteCount: Int { readable.reduce(0) { $0 + $1.count } }
  var writableByteCount: Int { writable.reduce(0) { $0 + $1.count } }

  private struct Broken: Error {}

  /// Reads the chain that begins at `head`; nil where the driver broke the rules, or where one part
  /// has more pieces than `capacity`.
  init?(
    _ head: UInt16, _ layout: QueueLayout, _ arena: Arena, allowsIndirect: Bool, capacity: Int
  ) {
    self.capacity = capacity
    guard head < layout.size else { return nil }
    do {
      try walk(
        from: Int(head), tableOf: Int(layout.size), arena, layout, allowsIndirect: allowsIndirect
      ) { index in (0..<16).map { arena[layout.descriptorTable + 16 * index + $0] } }
      guard readableByteCount + writableByteCount > 0 else { return nil }
    } catch {
      return nil
    }
  }

  private mutating func walk(
    from start: Int, tableOf count: Int, _ arena: Arena, _ layout: QueueLayout,
    allowsIndirect: Bool, _ entry: (Int) throws -> [UInt8]
  ) throws {
    var index = start
    for _ in 0..<count {
      let bytes = try entry(index)
      let address = Self.number(bytes[0..<8])
      let length = Self.number(bytes[8..<12])
      let flags = Self.number(bytes[12..<14])
      let next = Int(Self.number(bytes[14..<16]))
      guard flags & ~7 == 0 else { throw Broken() }
      if flags & UInt64(MockDriver.indirect) != 0 {
        guard allowsIndirect, flags & UInt64(MockDriver.hasNext) == 0 else { throw Broken() }
        guard length > 0, length % 16 == 0, length / 16 <= 65_535 else { throw Broken() }
        guard !address.addingReportingOverflow(length - 1).overflow else { throw Broken() }
        try walk(from: 0, tableOf: Int(length / 16), arena, layout, allowsIndirect: false) {
          entry in
          // Only the entries that are used must be mapped.
          try layout.offsets(address + 16 * UInt64(entry), 16).flatMap { $0.map { arena[$0] } }
        }
        return
      }
      try append(address, length, flags & UInt64(MockDriver.deviceWritable) != 0, layout)
      guard flags & UInt64(MockDriver.hasNext) != 0 else { return }
      guard next < count else { throw Broken() }
      index = next
    }
    throw Broken()
  }

  private mutating func append(
    _ address: UInt64, _ length: UInt64, _ isWritable: Bool, _ layout: QueueLayout
  ) throws {
    guard isWritable || !sawWritable else { throw Broken() }
    sawWritable = isWritable
    let total = UInt64(readableByteCount + writableByteCount)
    guard total + length <= UInt64(UInt32.max) else { throw Broken() }
    let pieces = try layout.offsets(address, length)
    if isWritable { writable += pieces } else { readable += pieces }
    guard max(readable.count, writable.count) <= capacity else { throw Broken() }
  }

  private let capacity: Int
  private var sawWritable = false

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
