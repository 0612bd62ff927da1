/// A cursor over little-endian bytes from an untrusted side; every read is checked.
package struct ByteReader: Sendable {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  /// Starts at the first byte.
  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    self.position = bytes.startIndex
  }

  /// Starts at the first byte.
  package init(_ bytes: [UInt8]) {
    self.init(bytes[...])
  }

  /// Bytes read so far.
  package var offset: Int { position - bytes.startIndex }

  /// Bytes not read yet.
  package var remaining: Int { bytes.endIndex - position }

  /// Takes the next `count` bytes.
  ///
  /// - Throws: ``WireError/truncated(offset:needed:available:)``; the cursor does not move then.
  package mutating func take(_ count: Int) throws(WireError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw .truncated(offset: offset, needed: count, available: remaining)
    }
    let start = position
    position += count
    return bytes[start..<position]
  }

  /// Reads one byte.
  package mutating func uint8() throws(WireError) -> UInt8 {
    let slice = try take(1)
    return slice[slice.startIndex]
  }

  /// Reads a 16-bit word.
  package mutating func uint16() throws(WireError) -> UInt16 {
    UInt16(truncatingIfNeeded: try word(2))
  }

  /// Reads a 32-bit word.
  package mutating func uint32() throws(WireError) -> UInt32 {
    UInt32(truncatingIfNeeded: try word(4))
  }

  /// Reads a 64-bit word.
  package mutating func uint64() throws(WireError) -> UInt64 {
    try word(8)
  }

  /// Reads a signed 32-bit word.
  package mutating func int32() throws(WireError) -> Int32 {
    Int32(bitPattern: try uint32())
  }

  /// Reads a 16-bit length and that many bytes of UTF-8.
  package mutating func string() throws(WireError) -> String {
    let length = try uint16()
    let start = offset
    let slice = try take(Int(length))
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw .badText(offset: start)
    }
    return text
  }

  private mutating func word(_ size: Int) throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    for byte in try take(size) {
      value |= UInt64(byte) << shift
      shift += 8
    }
    return value
  }
}
