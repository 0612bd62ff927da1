/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720 appendix B.4.
package struct CRC32C: Sendable {
  private var state: UInt32 = 0xffff_ffff

  /// Starts with no bytes.
  package init() {}

  /// The checksum of all bytes so far.
  package var value: UInt32 { ~state }

  /// Adds bytes.
  package mutating func update(_ bytes: ArraySlice<UInt8>) {
    var crc = state
    for byte in bytes {
      crc = Self.table[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8)
    }
    state = crc
  }

  /// The checksum of a whole array.
  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    checksum(bytes[...])
  }

  /// The checksum of a slice.
  package static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc = CRC32C()
    crc.update(bytes)
    return crc.value
  }

  private static let table: [UInt32] = {
    var table: [UInt32] = []
    for index in 0..<256 {
      var crc = UInt32(index)
      for _ in 0..<8 {
        crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1
      }
      table.append(crc)
    }
    return table
  }()
}
