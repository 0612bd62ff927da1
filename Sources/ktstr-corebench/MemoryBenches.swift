import GuestMemory
import HostOS

/// Benchmarks of the guest memory: what they are called, how many operations one run of the body
/// makes, and the body.
///
/// `findRegion256` looks addresses up, in random order, that lie in all of 256 regions.
/// `rwCross` writes 512 bytes over a border of two of eight regions and reads them back.
func memoryBenches() -> [(name: String, operations: Int, body: @Sendable () -> Void)] {
  guard let lookup = try? LookupBench(), let crossing = try? CrossingBench() else { return [] }
  return [
    ("findRegion256", LookupBench.lookups, lookup.run),
    ("rwCross", CrossingBench.rounds, crossing.run),
  ]
}

private final class LookupBench: Sendable {
  static let lookups = 4096
  private let map: GuestMemoryMap
  private let addresses: [GuestAddress]

  init() throws {
    // A hole behind each region, as between memory slots that were plugged in.
    let regionSize: UInt64 = 0x10_0000
    var regions: [GuestRegion] = []
    for index in 0..<256 as Range<UInt64> {
      regions.append(
        try GuestRegion(anonymousAt: GuestAddress(index * 2 * regionSize), size: regionSize))
    }
    map = try GuestMemoryMap(regions)
    var random = SplitMix64(seed: 256)
    addresses = (0..<LookupBench.lookups).map { _ in
      let region = UInt64.random(in: 0..<256, using: &random)
      let offset = UInt64.random(in: 0..<regionSize - 512, using: &random)
      return GuestAddress(region * 2 * regionSize + offset)
    }
  }

  func run() {
    let view = map.unsafeView
    var found = 0
    for address in addresses {
      guard let range = view.unsafePrefix(at: address, limit: 512) else { continue }
      found &+= range.count
    }
    precondition(found == LookupBench.lookups * 512, "a lookup failed")
  }
}

private final class CrossingBench: Sendable {
  static let rounds = 1024
  private let map: GuestMemoryMap
  private let source = (0..<512).map { UInt8(truncatingIfNeeded: $0) }

  init() throws {
    var regions: [GuestRegion] = []
    for index in 0..<8 as Range<UInt64> {
      regions.append(
        try GuestRegion(anonymousAt: GuestAddress(index * 0x10_0000), size: 0x10_0000))
    }
    map = try GuestMemoryMap(regions)
  }

  func run() {
    var target = [UInt8](repeating: 0, count: 512)
    var moved = 0
    let source = source
    var span = target.mutableSpan
    var bytes = span.mutableBytes
    do {
      for round in 0..<CrossingBench.rounds {
        let address = GuestAddress(UInt64(1 + round % 7) * 0x10_0000 - 256)
        moved += try map.writeAvailable(source.span.bytes, at: address)
        moved += try map.readAvailable(at: address, into: &bytes)
      }
    } catch {
      moved = -1
    }
    precondition(moved == CrossingBench.rounds * 1024, "a transfer was short")
  }
}
