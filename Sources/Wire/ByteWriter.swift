/// Appends little-endian values to a growing array of bytes.
package struct ByteWriter: Sendable {
  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  /// Goes on behind bytes that are there already.
  package init(_ bytes: consuming [UInt8]) {
    self.bytes = bytes
  }

  /// Starts empty, with room for a number of bytes.
  package init(capacity: Int = 0) {
    if capacity > 0 { bytes.reserveCapacity(capacity) }
  }

  /// Appends one byte.
  package mutating func uint8(_ value: UInt8) {
    bytes.append(value)
  }

  /// Appends a 16-bit word.
  package mutating func uint16(_ value: UInt16) {
    word(UInt64(value), 2)
  }

  /// Appends a 32-bit word.
  package mutating func uint32(_ value: UInt32) {
    word(UInt64(value), 4)
  }

  /// Appends a 64-bit word.
  package mutating func uint64(_ value: UInt64) {
    word(value, 8)
  }

  /// Appends a signed 32-bit word.
  package mutating func int32(_ value: Int32) {
    uint32(UInt32(bitPattern: value))
  }

  /// Appends raw bytes.
  package mutating func raw(_ value: [UInt8]) {
    bytes.append(contentsOf: value)
  }

  /// Appends a 16-bit length and the UTF-8 of a string, cut at a character border when it is
  /// longer than the limit in bytes.
  package mutating func string(_ value: String, limit: Int = Int(UInt16.max)) {
    let limit = min(limit, Int(UInt16.max))
    var length = value.utf8.count
    if length > limit {
      length = limit
      let utf8 = [UInt8](value.utf8)
      // 0b10xxxxxx is the inside of a character.
      while length > 0 && utf8[length] & 0xc0 == 0x80 { length -= 1 }
      uint16(UInt16(length))
      bytes.append(contentsOf: utf8[0..<length])
      return
    }
    uint16(UInt16(length))
    bytes.append(contentsOf: value.utf8)
  }

  /// Overwrites four bytes that were written before, such as a checksum left open.
  package mutating func patch(uint32 value: UInt32, at offset: Int) {
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8))
    }
  }

  /// All bytes at once: one by one they were most of what a sample costs the guest.
  private mutating func word(_ value: UInt64, _ size: Int) {
    unsafe withUnsafeBytes(of: value.littleEndian) { whole in
      unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: whole[..<size]))
    }
  }
}
