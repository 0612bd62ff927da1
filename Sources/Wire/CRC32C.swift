/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720 appendix B.4.
package struct CRC32C: Sendable {
  private var state: UInt32 = 0xffff_ffff

  /// Starts with no bytes.
  package init() {}

  /// The checksum of all bytes so far.
  package var value: UInt32 { ~state }

  /// Adds bytes.
  package mutating func update(_ bytes: ArraySlice<UInt8>) {
    state = unsafe Self.table.withUnsafeBufferPointer { table in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe Self.update(state, bytes, table)
      }
    }
  }

  /// Four bytes a step ("slicing by 4"): init computes this on a software CPU, for each sample.
  private static func update(
    _ state: UInt32, _ bytes: UnsafeRawBufferPointer, _ table: UnsafeBufferPointer<UInt32>
  ) -> UInt32 {
    var crc = state
    var index = 0
    while index &+ 4 <= bytes.count {
      let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
      crc ^= UInt32(littleEndian: word)
      let (low, high) = unsafe (
        table[768 &+ Int(crc & 0xff)] ^ table[512 &+ Int(crc >> 8 & 0xff)],
        table[256 &+ Int(crc >> 16 & 0xff)] ^ table[Int(crc >> 24)]
      )
      crc = low ^ high
      index &+= 4
    }
    while index < bytes.count {
      crc = unsafe table[Int((crc ^ UInt32(bytes[index])) & 0xff)] ^ (crc >> 8)
      index &+= 1
    }
    return crc
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

  /// What byte `b` leaves behind, at `256 * n + b` with `n` zero bytes after it.
  private static let table: [UInt32] = {
    var table: [UInt32] = []
    for index in 0..<256 {
      var crc = UInt32(index)
      for _ in 0..<8 {
        crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1
      }
      table.append(crc)
    }
    for index in 256..<1024 {
      let before = table[index - 256]
      table.append(table[Int(before & 0xff)] ^ (before >> 8))
    }
    return table
  }()
}
