/// What is known of a kernel in the store: the content of its `metadata.json`.
package struct KernelMetadata: Codable, Hashable, Sendable {
  /// A package that a kernel was taken from.
  package struct Package: Codable, Hashable, Sendable {
    /// The package's name.
    package var name: String
    /// The package's version.
    package var version: String
  }

  /// What kind of file an image is.
  package enum ImageKind: String, Codable, Hashable, Sendable {
    case bzImage, elf
  }

  /// Sizes in bytes.
  package struct Sizes: Codable, Hashable, Sendable {
    /// The image as given.
    package var image: UInt64
    /// The ELF kernel.
    package var elf: UInt64
    /// The raw BTF; nil where the kernel has none.
    package var btf: UInt64?
    /// All that the store holds of it.
    package var total: UInt64
  }

  /// The version of this format.
  package static let currentSchema = 1

  /// ``currentSchema`` of the program that wrote it.
  package var schema: Int
  /// The name in the store: the release, with a part of the hash where that alone is taken.
  package var id: String
  /// What `uname -r` says in it.
  package var release: String
  /// The package's version, or the release where there is no package.
  package var version: String
  /// Such as `cloud-amd64`; nil where unknown.
  package var flavour: String?
  /// The suite it was fetched from.
  package var suite: String?
  /// The packages it was taken from.
  package var packages: [Package]
  /// Where it comes from, for people: an archive and suite, or a path.
  package var source: String
  /// SHA-256 of the image, in hexadecimal.
  package var sha256: String
  /// What the image is.
  package var imageKind: ImageKind
  /// How the image's kernel is compressed; nil for an ELF.
  package var compression: String?
  /// Whether `CONFIG_SCHED_CLASS_EXT` is on; nil where neither config nor BTF can tell.
  package var schedExt: Bool?
  /// How many modules it has.
  package var moduleCount: Int
  /// Where the modules lie when not in the store.
  package var modulesInPlace: String?
  /// When it came, as ISO 8601 in UTC.
  package var importedAt: String
  /// How large it is.
  package var sizes: Sizes
}
