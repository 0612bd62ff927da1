import FoundationEssentials
import HostOS
package import SystemPackage

/// A kernel that can be booted: its files and what is known of it.
package struct Kernel: Hashable, Sendable {
  /// Names of the files in a kernel's directory.
  enum Name {
    static let image = "vmlinuz"
    static let elf = "vmlinux"
    static let btf = "btf"
    static let config = "config"
    static let modules = "modules"
    static let metadata = "metadata.json"
  }

  /// What is known of it.
  package let metadata: KernelMetadata
  /// The directory of its files.
  package let directory: FilePath

  /// Its name, unique in the store.
  package var id: String { metadata.id }
  /// What `uname -r` says in it.
  package var release: String { metadata.release }
  /// The ELF kernel, which boots fastest.
  package var elf: FilePath { directory.appending(Name.elf) }
  /// The image as it was given: a bzImage, or the ELF itself.
  package var image: FilePath {
    metadata.imageKind == .elf ? elf : directory.appending(Name.image)
  }
  /// The raw bytes of `.BTF`; nil where the kernel has none.
  package var btf: FilePath? {
    metadata.sizes.btf == nil ? nil : directory.appending(Name.btf)
  }
  /// The kernel's configuration, where it is known.
  package var config: FilePath? { existing(Name.config) }
  /// The content of `lib/modules/<release>`, where there is any.
  package var modules: FilePath? {
    metadata.modulesInPlace.map { FilePath($0) } ?? existing(Name.modules)
  }

  init(metadata: KernelMetadata, directory: FilePath) {
    self.metadata = metadata
    self.directory = directory
  }

  /// Reads a kernel's directory, and sees that its large files are there in full.
  ///
  /// - Throws: ``KernelError/damaged(id:reason:)``.
  init(reading directory: FilePath) throws {
    let id = directory.lastComponent?.string ?? directory.string
    do {
      let bytes = try Files.read(directory.appending(Name.metadata).string, limit: 1 << 20)
      metadata = try JSONDecoder().decode(KernelMetadata.self, from: Data(bytes))
    } catch let error as SystemCallError {
      throw KernelError.damaged(id: id, reason: "\(error)")
    } catch {
      throw KernelError.damaged(id: id, reason: "metadata.json cannot be read")
    }
    self.directory = directory
    guard metadata.schema == KernelMetadata.currentSchema else {
      throw KernelError.damaged(id: id, reason: "metadata.json is of schema \(metadata.schema)")
    }
    for (path, size) in [(elf, metadata.sizes.elf), (image, metadata.sizes.image)] {
      let actual = try Files.status(of: path.string)?.size
      guard actual == size else {
        let found = actual.map { "has \($0) bytes" } ?? "is missing"
        throw KernelError.damaged(
          id: id, reason: "\(path.lastComponent?.string ?? "") \(found) of \(size) bytes")
      }
    }
  }

  private func existing(_ name: String) -> FilePath? {
    let path = directory.appending(name)
    return (try? Files.status(of: path.string)) == nil ? nil : path
  }
}
