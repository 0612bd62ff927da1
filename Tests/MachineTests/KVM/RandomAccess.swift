import HostOS
import Virtio

/// A random access of a guest to a port or an address, mostly near something that answers.
struct RandomAccess: CustomStringConvertible {
  /// The windows that boards of these tests have.
  static let windows: Range<UInt64> = 0xc000_1000..<0xc000_3000
  static let windowSize: UInt64 = 0x1000

  enum Target: Hashable {
    case port(UInt16)
    case address(UInt64)
  }

  var target: Target
  var size: Int
  /// What is written; nil for a read.
  var value: UInt64?

  var description: String {
    let place =
      switch target {
      case .port(let port): "port \(String(port, radix: 16))"
      case .address(let address): "address \(String(address, radix: 16))"
      }
    let what = value.map { "writes \(String($0, radix: 16)) to" } ?? "reads"
    return "\(what) \(size) bytes at \(place)"
  }

  init(_ random: inout SplitMix64) {
    if random.below(2) == 0 {
      target = .port(Self.port(&random))
      size = random.pick([1, 1, 1, 2, 4])
    } else {
      target = .address(Self.address(&random))
      size = random.pick([4, 4, 4, 1, 2, 8, 3, 5, 6, 7])
    }
    guard random.below(2) == 0 else { return }
    value =
      switch random.below(4) {
      case 0: UInt64(random.below(16))
      case 1: UInt64(random.below(256))
      case 2: random.pick([0xfe, 0x20, 0x80, 0x83, 0xffff_ffff, .max])
      default: random.next()
      }
    if size < 8 { value = value.map { $0 & (1 << UInt64(8 * size) - 1) } }
  }

  private static func port(_ random: inout SplitMix64) -> UInt16 {
    switch random.below(8) {
    case 0...4: 0x3f5 + UInt16(random.below(14))
    case 5: 0x5d + UInt16(random.below(10))
    case 6: random.pick([0x5fd, 0x5ff, 0x600, 0x601, 0, 0xfffd, 0xffff, 0x80, 0xcf8])
    default: UInt16(truncatingIfNeeded: random.next())
    }
  }

  /// Registers whose writes can be seen in what is read afterwards.
  private static let telling: [MMIORegister] = [
    .deviceFeatures, .deviceFeaturesSelection, .queueSelection, .queueSizeMaximum, .status,
  ]

  private static func address(_ random: inout SplitMix64) -> UInt64 {
    let window = windows.lowerBound + UInt64(random.below(2)) * windowSize
    return switch random.below(8) {
    case 0...1: window + UInt64(random.pick(MMIORegister.allCases).rawValue)
    case 2...3: window + UInt64(random.pick(telling).rawValue)
    case 4: window + 0x100 + UInt64(random.below(64))
    case 5: window + UInt64(random.below(Int(windowSize)))
    case 6:
      random.pick([windows.lowerBound, windows.upperBound, 1 << 32, 0]) &- 9
        &+ UInt64(random.below(18))
    default: random.next()
    }
  }

  /// The window that it begins in; nil for none.
  var window: Int? {
    guard case .address(let address) = target, Self.windows.contains(address) else { return nil }
    return Int((address - Self.windows.lowerBound) / Self.windowSize)
  }
}
