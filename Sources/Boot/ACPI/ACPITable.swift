/// One ACPI table while it is written: little-endian fields behind the common header.
///
/// Source: ACPI 6.5 section 5.2.6, System Description Table Header.
struct ACPITable: Sendable {
  private static let lengthOffset = 4
  private static let checksumOffset = 9

  private(set) var bytes: [UInt8] = []

  /// Starts a table; length and checksum are filled in by ``finished()``.
  init(_ signature: String, revision: UInt8) {
    append(text: signature)
    append(UInt32(0))
    append(revision)
    append(UInt8(0))
    append(text: "KTSTR ")
    append(text: "KTSTRVM ")
    append(UInt32(1))
    append(text: "KTST")
    append(UInt32(1))
  }

  mutating func append<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer) {
    for shift in stride(from: 0, to: Integer.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Integer(shift)))
    }
  }

  mutating func append(text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(_ more: [UInt8]) {
    bytes.append(contentsOf: more)
  }

  mutating func appendZeros(_ count: Int) {
    bytes.append(contentsOf: repeatElement(0, count: count))
  }

  /// A register in a port (section 5.2.3.2, Generic Address Structure): one byte wide.
  mutating func append(port: UInt16) {
    append(UInt8(1))  // system I/O space
    append(UInt8(8))  // bits
    append(UInt8(0))  // the first of them
    append(UInt8(1))  // accessed as a byte
    append(UInt64(port))
  }

  /// The table with its length and a checksum that makes its bytes add up to 0.
  func finished() -> [UInt8] {
    var finished = bytes
    let length = UInt32(truncatingIfNeeded: finished.count)
    for index in 0..<4 {
      finished[Self.lengthOffset + index] = UInt8(truncatingIfNeeded: length >> (8 * index))
    }
    finished[Self.checksumOffset] = Self.checksum(finished)
    return finished
  }

  /// The byte that makes these add up to 0 modulo 256.
  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt8 {
    0 &- bytes.reduce(0, &+)
  }
}
