/// Turns the fuzzer's bytes into choices, one after the other.
///
/// Every byte string means something, and after the last byte all choices are zero: a mutation
/// changes some choices and leaves the others as they were.
struct FuzzInput {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Whether all bytes are used up.
  var isEmpty: Bool { position >= bytes.count }

  mutating func byte() -> UInt8 {
    guard position < bytes.count else { return 0 }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func uint16() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }

  mutating func uint32() -> UInt32 { UInt32(uint16()) | UInt32(uint16()) << 16 }

  mutating func uint64() -> UInt64 { UInt64(uint32()) | UInt64(uint32()) << 32 }

  mutating func flag() -> Bool { byte() & 1 == 1 }

  /// One time in 256: for what a well-behaved driver never does.
  mutating func rarely() -> Bool { byte() == 0xff }

  /// A number in `0..<bound`; one byte is spent where that is enough.
  mutating func below(_ bound: Int) -> Int {
    bound <= 256 ? Int(byte()) % max(1, bound) : Int(uint16()) % bound
  }

  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[below(choices.count)]
  }

  /// An integer near a border, or any.
  mutating func hostileUInt64() -> UInt64 {
    let near = UInt64(byte())
    switch byte() % 6 {
    case 0: return near
    case 1: return UInt64.max &- near
    case 2: return UInt64(UInt32.max) &+ near &- 128
    case 3: return UInt64(1) << (near & 63)
    case 4: return UInt64(UInt16.max) &+ near &- 128
    default: return uint64()
    }
  }

  /// Always `count` bytes; zeroes after the end.
  mutating func data(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in byte() }
  }
}
