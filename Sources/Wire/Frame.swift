/// One message of the telemetry channel.
///
/// On the wire, little-endian, 20 bytes and the payload:
///
///     0  u32  magic "KSTR"
///     4  u8   version
///     5  u8   type
///     6  u16  low half of the CRC-32C of bytes 0-5 and 8-15: a torn header is known at once,
///             without waiting for the length that it claims
///     8  u32  sequence number, counts up by one from 0
///     12 u32  payload length, at most ``maximumPayload``
///     16 u32  CRC-32C of bytes 0-15 and the payload
package struct Frame: Equatable, Sendable {
  /// "KSTR" read as a little-endian word.
  package static let magic: UInt32 = 0x5254_534b
  /// The version that this build writes and reads.
  package static let version: UInt8 = 1
  /// Bytes before the payload.
  package static let headerSize = 20
  /// The longest payload that a reader accepts.
  package static let maximumPayload = 1 << 16

  /// The kind of message: see ``Event``.
  package var type: UInt8
  /// Position in the stream.
  package var sequence: UInt32
  /// The message itself.
  package var payload: [UInt8]

  /// Makes a frame; the payload must not be longer than ``maximumPayload``.
  package init(type: UInt8, sequence: UInt32, payload: [UInt8]) {
    self.type = type
    self.sequence = sequence
    self.payload = payload
  }

  /// The bytes to send.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter(capacity: Self.headerSize)
    writer.uint32(Self.magic)
    writer.uint8(Self.version)
    writer.uint8(type)
    writer.uint16(
      Self.headerCheck(
        version: Self.version, type: type, sequence: sequence, length: UInt32(payload.count)))
    writer.uint32(sequence)
    writer.uint32(UInt32(payload.count))
    var crc = CRC32C()
    crc.update(writer.bytes[...])
    crc.update(payload[...])
    writer.uint32(crc.value)
    let header = writer.bytes
    // Copied whole: appending goes byte by byte in Embedded Swift.
    return unsafe [UInt8](unsafeUninitializedCapacity: header.count + payload.count) {
      buffer, filled in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      unsafe header.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
      unsafe payload.withUnsafeBytes {
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[header.count...]).copyMemory(from: $0)
      }
      filled = header.count + payload.count
    }
  }

  static func headerCheck(version: UInt8, type: UInt8, sequence: UInt32, length: UInt32) -> UInt16 {
    var writer = ByteWriter()
    writer.uint32(magic)
    writer.uint8(version)
    writer.uint8(type)
    writer.uint32(sequence)
    writer.uint32(length)
    return UInt16(truncatingIfNeeded: CRC32C.checksum(writer.bytes))
  }
}
