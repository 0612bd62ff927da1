/// A stretch of guest memory by its address: a description, which proves nothing.
package struct GuestSlice: Hashable, Sendable {
  /// Where it starts.
  package let address: GuestAddress
  /// Its length in bytes.
  package let count: Int

  /// Describes a stretch; whether it is mapped is not checked.
  package init(address: GuestAddress, count: Int) {
    self.address = address
    self.count = count
  }
}
