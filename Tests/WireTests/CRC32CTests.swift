import Testing
import Wire

/// Known values: RFC 3720 appendix B.4, and the usual check string.
@Suite struct CRC32CTests {
  @Test(
    arguments: [
      ([], 0x0000_0000), (Array("123456789".utf8), 0xe306_9283),
      ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
      ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43), ([UInt8](0..<32), 0x46dd_794e),
      ([UInt8]((0..<32).reversed()), 0x113f_db5c),
    ] as [([UInt8], UInt32)])
  func `known vectors`(bytes: [UInt8], checksum: UInt32) {
    #expect(CRC32C.checksum(bytes) == checksum)
  }

  @Test func `bytes in pieces give the checksum of the whole`() {
    let bytes = Array("the quick brown fox".utf8)
    for cut in 0...bytes.count {
      var crc = CRC32C()
      crc.update(bytes[..<cut])
      crc.update(bytes[cut...])
      #expect(crc.value == CRC32C.checksum(bytes))
    }
  }

  @Test func `every length gives what bit by bit gives`() {
    var bytes: [UInt8] = []
    for length in 0...67 {
      var crc: UInt32 = 0xffff_ffff
      for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
      }
      #expect(CRC32C.checksum(bytes) == ~crc, "\(length) bytes")
      bytes.append(UInt8(truncatingIfNeeded: length &* 37 &+ 11))
    }
  }
}
