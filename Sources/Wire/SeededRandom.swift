/// Pseudo-random numbers that follow from a seed: SplitMix64 (Steele, Lea, Flood 2014).
package struct SeededRandom: Sendable {
  private var state: UInt64
  private static let golden: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// Starts at a seed.
  package init(seed: UInt64) {
    state = seed
  }

  /// The next number.
  package mutating func next() -> UInt64 {
    state &+= Self.golden
    return Self.mix(state)
  }

  /// A number below a limit; a limit of 0 gives 0.
  package mutating func next(below limit: UInt64) -> UInt64 {
    // The high half of the product: off from even by less than limit / 2^64.
    next().multipliedFullWidth(by: limit).high
  }

  /// The finalizer: nearby values come to lie far apart.
  @inline(__always)
  package static func mix(_ value: UInt64) -> UInt64 {
    var x = value
    x = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ (x >> 27)) &* 0x94d0_49bb_1331_11eb
    return x ^ (x >> 31)
  }
}
