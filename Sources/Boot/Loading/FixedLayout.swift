/// Zeroed bytes of a fixed size with little-endian fields at named offsets.
struct FixedLayout {
  /// All of the bytes.
  private(set) var bytes: [UInt8]

  init(size: Int) {
    bytes = [UInt8](repeating: 0, count: size)
  }

  /// Writes an integer; the offset is ours, so one outside of the bytes is a bug and traps.
  mutating func put(_ value: some FixedWidthInteger & UnsignedInteger, at offset: Int) {
    for index in 0..<(value.bitWidth / 8) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
  }

  /// Writes bytes, under the same condition.
  mutating func put(_ values: [UInt8], at offset: Int) {
    for (index, value) in values.enumerated() { bytes[offset + index] = value }
  }
}
