/// A kernel module's name as the kernel spells it: with underscores, without path and suffixes.
package struct ModuleName: Hashable, Sendable, CustomStringConvertible {
  /// The name, such as `virtio_blk`.
  package let text: String

  /// Takes a name in either spelling (`virtio-blk`, `virtio_blk`) or a path to a module's file.
  package init(_ spelling: some StringProtocol) {
    let path = String(spelling)
    var name = path.split(separator: "/").last.map { String($0) } ?? ""
    for suffix in [".xz", ".zst", ".gz"] where name.hasSuffix(".ko" + suffix) {
      name.removeLast(suffix.utf8.count)
    }
    if name.hasSuffix(".ko") { name.removeLast(3) }
    text = String(name.map { $0 == "-" ? "_" : $0 })
  }

  /// Whether a file's name is that of a module, compressed or not.
  package static func isModuleFile(_ name: some StringProtocol) -> Bool {
    [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].contains { name.hasSuffix($0) }
  }

  package var description: String { text }
}
