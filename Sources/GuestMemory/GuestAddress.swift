/// A guest-physical address.
package struct GuestAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The address as the guest's CPU counts it, in bytes.
  package let rawValue: UInt64

  /// Makes an address.
  @_noLocks
  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The address `count` bytes higher; nil when that is past the last one.
  package func advanced(by count: UInt64) -> GuestAddress? {
    let (sum, overflow) = rawValue.addingReportingOverflow(count)
    return overflow ? nil : GuestAddress(sum)
  }

  /// Bytes from `other` up to this address; nil when `other` is higher.
  package func distance(from other: GuestAddress) -> UInt64? {
    let (difference, overflow) = rawValue.subtractingReportingOverflow(other.rawValue)
    return overflow ? nil : difference
  }

  /// Whether the address is a multiple of `alignment`, which is a power of two.
  package func isAligned(to alignment: UInt64) -> Bool {
    rawValue & (alignment &- 1) == 0
  }

  /// The first multiple of a power of two from this address on; nil past the last address.
  package func aligned(to alignment: UInt64) -> GuestAddress? {
    advanced(by: (0 &- rawValue) & (alignment &- 1))
  }

  package static func < (left: GuestAddress, right: GuestAddress) -> Bool {
    left.rawValue < right.rawValue
  }

  package var description: String {
    "0x" + String(rawValue, radix: 16)
  }
}
