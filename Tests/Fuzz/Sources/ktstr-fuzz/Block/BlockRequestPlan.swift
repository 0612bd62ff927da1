import DriverMock

/// A block request before it is laid out in guest memory: mostly right, rarely wrong.
struct BlockRequestPlan {
  var type: UInt32
  var sector: UInt64
  var header: [UInt8]
  /// Device-readable data.
  var payload: [UInt8] = []
  /// Device-writable bytes before the status.
  var room = 0
  /// Bytes at the end of the writable part; one is a status byte.
  var statusCount = 1
  var segments: [MockDriver.Segment] = []
  /// The segments are not in the order that the request needs.
  var isScrambled = false

  static let read: UInt32 = 0
  static let write: UInt32 = 1
  static let flush: UInt32 = 4
  static let getID: UInt32 = 8
  static let discard: UInt32 = 11
  static let writeZeroes: UInt32 = 13

  init(_ input: inout FuzzInput, sectors: Int) {
    type = input.pick([0, 0, 0, 1, 1, 1, 4, 8, 11, 13, 10, 14, 2, 16, input.uint32()])
    sector =
      input.rarely()
      ? input.hostileUInt64() : UInt64(input.below(sectors + (input.byte() % 16 == 0 ? 4 : 0)))
    header = littleEndian(type) + littleEndian(input.uint32()) + littleEndian(sector)
    if input.rarely() { header = Array(header.prefix(input.below(16))) }
    fillBody(&input)
    if input.rarely() { statusCount = 0 }
    segments =
      Self.split(header + payload, &input).map { .readable($0) }
      + Self.split([UInt8](repeating: 0, count: room + statusCount), &input)
      .map { .writable($0.count) }
    if input.rarely() && segments.count > 1 {
      segments.swapAt(0, segments.count - 1)
      isScrambled = true
    }
  }

  private mutating func fillBody(_ input: inout FuzzInput) {
    let wholes = 512 * input.below(6)
    let length = input.rarely() ? input.below(1100) : wholes
    switch type {
    case Self.read: room = length
    case Self.write: payload = Self.pattern(length, input.byte())
    case Self.flush: break
    case Self.getID: room = input.rarely() ? input.below(40) : 20
    case Self.discard, Self.writeZeroes, 14:
      // Ranges to discard, to zero or to erase: {sector, count, flags} each.
      for _ in 0..<(input.rarely() ? input.below(40) : 1 + input.below(4)) {
        payload += littleEndian(input.rarely() ? input.hostileUInt64() : UInt64(input.below(70)))
        payload += littleEndian(input.rarely() ? input.uint32() : UInt32(input.below(22)))
        let unmap: UInt32 = type == Self.writeZeroes ? UInt32(input.byte() & 1) : 0
        payload += littleEndian(input.rarely() ? input.uint32() : unmap)
      }
      if input.rarely() { payload.append(0) }
    default:
      room = input.below(64)
      payload = Self.pattern(input.below(64), 0)
    }
  }

  private static func pattern(_ count: Int, _ first: UInt8) -> [UInt8] {
    (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0 / 16) }
  }

  /// Cuts bytes into one to four pieces, some of them empty.
  private static func split(_ bytes: [UInt8], _ input: inout FuzzInput) -> [[UInt8]] {
    guard !bytes.isEmpty else { return [] }
    let cuts = (0..<input.below(4)).map { _ in input.below(bytes.count + 1) }.sorted()
    let bounds = [0] + cuts + [bytes.count]
    return zip(bounds, bounds.dropFirst()).map { Array(bytes[$0..<$1]) }
  }
}
