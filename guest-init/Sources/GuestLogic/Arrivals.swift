internal import Wire

/// When the requests of an open loop arrive: each at a seeded moment of its own slot of time.
///
/// The moments follow from the number alone, so nothing has to be kept for requests that wait.
package struct Arrivals: Sendable {
  private let slot: UInt64
  private let seed: UInt64

  /// So many requests in a second, at least one and at most 10^9.
  package init(perSecond: UInt64, seed: UInt64) {
    slot = 1_000_000_000 / min(max(perSecond, 1), 1_000_000_000)
    self.seed = seed
  }

  /// Nanoseconds from the start to the arrival of a request; later ones never come earlier.
  @inline(__always)
  package func moment(of request: UInt64) -> UInt64 {
    let jitter = SeededRandom.mix(seed &+ request &* 0x9e37_79b9_7f4a_7c15)
    return request &* slot &+ jitter.multipliedFullWidth(by: slot).high
  }
}
