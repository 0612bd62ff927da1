/// What of low RAM is taken, and by what; refuses to take anything twice.
struct MemoryClaims {
  private struct Claim {
    let what: String
    let range: Range<UInt64>
  }

  private let memory: PhysicalMemory
  private var claims: [Claim]

  /// Nothing is taken but the layout's areas.
  init(_ memory: PhysicalMemory) {
    self.memory = memory
    claims = GuestLayout.areas.map { Claim(what: $0.name, range: $0.range) }
  }

  /// Takes a part of the kernel's memory: low RAM from 1 MiB on.
  ///
  /// - Parameters:
  ///   - mapped: Within which it also has to be, since nothing else is mapped at the entry.
  ///   - other: What it may lie over, because the same kernel knows of both.
  /// - Returns: The range taken; empty for no bytes.
  mutating func claim(
    _ what: String, at address: UInt64, bytes: UInt64, mapped: Range<UInt64>? = nil,
    mayOverlap other: String? = nil
  ) throws(BootError) -> Range<UInt64> {
    let (end, overflow) = address.addingReportingOverflow(bytes)
    guard !overflow else {
      throw .addressOverflow(what: what, address: address, bytes: bytes)
    }
    let range = address..<end
    guard !range.isEmpty else { return range }
    let outside = BootError.outsideMemory(
      what: what, address: address, bytes: bytes,
      memory: GuestLayout.kernelStart..<memory.low.upperBound)
    guard end <= memory.low.upperBound else { throw outside }
    for claim in claims where claim.range.overlaps(range) && claim.what != other {
      throw .overlap(
        what: what, range: range, other: claim.what, otherRange: claim.range)
    }
    // Below that even what no area takes is none of the kernel's.
    guard address >= GuestLayout.kernelStart else { throw outside }
    if let mapped, range.clamped(to: mapped) != range {
      throw .notMapped(what: what, address: address, bytes: bytes, mapped: mapped)
    }
    claims.append(Claim(what: what, range: range))
    return range
  }

  /// Takes whole pages for the initrd, as high in low RAM as possible.
  ///
  /// - Parameter limit: The address that it may not go beyond.
  mutating func claimInitrd(bytes: UInt64, below limit: UInt64) throws(BootError)
    -> InitrdPlacement
  {
    let mask = ~(GuestLayout.pageSize - 1)
    let top = min(memory.low.upperBound, limit) & mask
    var end = top
    // Each round ends below a claim that the one before ran into.
    while true {
      let (lowest, underflow) = end.subtractingReportingOverflow(bytes)
      let start = lowest & mask
      guard !underflow, start >= GuestLayout.kernelStart else {
        throw .noRoomForInitrd(bytes: bytes, below: top)
      }
      guard let hit = claims.first(where: { $0.range.overlaps(start..<end) }) else {
        claims.append(Claim(what: "initrd", range: start..<end))
        return InitrdPlacement(address: start, bytes: bytes)
      }
      end = hit.range.lowerBound & mask
    }
  }
}
