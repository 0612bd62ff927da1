/// Where the initrd is to be put.
package struct InitrdPlacement: Hashable, Sendable {
  /// Guest-physical address, at the start of a page.
  package let address: UInt64
  /// Size in bytes.
  package let bytes: UInt64

  /// Where it is.
  package var range: Range<UInt64> { address..<(address + bytes) }
}
