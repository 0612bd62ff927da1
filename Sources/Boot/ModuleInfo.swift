/// What a kernel module says of itself in its `.modinfo` section: `key=value` texts, NUL between.
package struct ModuleInfo: Hashable, Sendable {
  /// The modules that this one uses symbols of, from `depends=`.
  package let needs: [ModuleName]

  /// Reads it from the bytes of an uncompressed module.
  ///
  /// - Throws: ``ELFError`` when this is no module that we can read.
  package init(module bytes: [UInt8]) throws(ELFError) {
    let image = try ELFImage(parsing: bytes.span)
    guard let range = try image.fileRange(ofSection: ".modinfo") else {
      needs = []
      return
    }
    let key = "depends="
    needs = bytes[range].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      .filter { $0.hasPrefix(key) }
      .flatMap { $0.dropFirst(key.count).split(separator: ",") }
      .map { ModuleName($0) }
  }
}
