/// Reads the numbers of a payload one after the other.
///
/// The protocol is host-endian, and the hosts that this runs on are little-endian.
struct PayloadReader {
  private let bytes: [UInt8]
  private let request: UInt32
  private var position = 0

  init(_ message: borrowing VhostUserMessage) {
    bytes = message.payload
    request = message.request
  }

  mutating func uint32() throws(VhostUserError) -> UInt32 {
    UInt32(truncatingIfNeeded: try number(byteCount: 4))
  }

  mutating func uint64() throws(VhostUserError) -> UInt64 {
    try number(byteCount: 8)
  }

  /// What was not read yet.
  var rest: ArraySlice<UInt8> { bytes[position...] }

  private mutating func number(byteCount: Int) throws(VhostUserError) -> UInt64 {
    guard bytes.count - position >= byteCount else {
      throw .wrongSize(request: request, size: bytes.count)
    }
    var value: UInt64 = 0
    for index in 0..<byteCount { value |= UInt64(bytes[position + index]) << (8 * index) }
    position += byteCount
    return value
  }
}

/// Puts a reply together.
struct PayloadWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ value: UInt32) { append(UInt64(value), byteCount: 4) }

  mutating func append(_ value: UInt64) { append(value, byteCount: 8) }

  mutating func append(contentsOf more: [UInt8]) { bytes += more }

  private mutating func append(_ value: UInt64, byteCount: Int) {
    for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }
}
