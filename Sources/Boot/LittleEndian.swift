/// Checked little-endian reads from bytes that nobody vouches for.
struct LittleEndianReader: ~Escapable {
  private let bytes: Span<UInt8>

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  /// The integer at a byte offset, or nil where the bytes end before it does.
  func read<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, at offset: Int
  ) -> Integer? {
    let size = Integer.bitWidth / 8
    guard offset >= 0, size <= bytes.count, offset <= bytes.count - size else { return nil }
    var value: Integer = 0
    for index in 0..<size {
      value |= Integer(truncatingIfNeeded: bytes[offset + index]) << Integer(8 * index)
    }
    return value
  }

  /// The text from an offset to the NUL that ends it, or nil when none comes within `limit` bytes.
  func text(at offset: Int, limit: Int) -> String? {
    guard offset >= 0, offset < bytes.count else { return nil }
    let end = min(bytes.count, offset.addingReportingOverflow(limit).partialValue)
    var collected: [UInt8] = []
    var index = offset
    while index < end {
      if bytes[index] == 0 { return String(decoding: collected, as: UTF8.self) }
      collected.append(bytes[index])
      index += 1
    }
    return nil
  }

  /// Whether the bytes at an offset are these.
  func matches(_ pattern: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, pattern.count <= bytes.count, offset <= bytes.count - pattern.count else {
      return false
    }
    for (index, byte) in pattern.enumerated() where bytes[offset + index] != byte { return false }
    return true
  }
}
