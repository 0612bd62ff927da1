package import Boot
import Glibc
import HostOS

/// Writes a tree as an initramfs archive, file by file, straight from the host's files.
package enum TreeArchive {
  /// Bytes of an archive's headers, names and padding that a tree of entries has at most.
  package static func size(of tree: FileTree) -> UInt64 {
    tree.entries.reduce(tree.totalBytes + 1024) {
      $0 + 120 + UInt64($1.path.utf8.count) + 4
    }
  }

  /// Writes the archive behind what a file already holds.
  ///
  /// - Parameters:
  ///   - extra: puts more into the archive, behind the tree.
  /// - Throws: ``ProgramError``.
  package static func write(
    _ tree: FileTree, to descriptor: CInt,
    extra: (inout CpioWriter) throws(CpioError) -> Void = { _ throws(CpioError) in }
  ) throws(ProgramError) {
    var cpio = CpioWriter()
    func flush() throws(ProgramError) {
      let bytes = cpio.takeBytes()
      try Luggage.host { () throws(SystemCallError) in
        try DescriptorIO.write(bytes, to: descriptor, subject: "the guest's archive")
      }
    }
    for entry in tree.entries {
      switch entry.node {
      case .directory(let permissions):
        try named(entry.path) { () throws(CpioError) in
          try cpio.addDirectory(entry.path, permissions: permissions)
        }
      case .link(let target):
        try named(entry.path) { () throws(CpioError) in
          try cpio.addSymbolicLink(entry.path, to: target)
        }
      case .file(let source, let size, let permissions):
        try named(entry.path) { () throws(CpioError) in
          try cpio.beginFile(entry.path, size: size, permissions: permissions)
        }
        try flush()
        try copy(source, size: size, to: descriptor)
        cpio.endFile(size: size)
      }
    }
    try named("") { () throws(CpioError) in try extra(&cpio) }
    let rest = cpio.finish()
    try Luggage.host { () throws(SystemCallError) in
      try DescriptorIO.write(rest, to: descriptor, subject: "the guest's archive")
    }
  }

  private static func copy(
    _ source: String, size: UInt64, to descriptor: CInt
  ) throws(ProgramError) {
    let copied: UInt64
    let now: UInt64?
    do {
      let file = try Files.open(source, O_RDONLY)
      copied = try DescriptorIO.copy(file.raw, to: descriptor, atMost: size, subject: source)
      now = try Files.status(of: source)?.size
    } catch {
      throw .system(error)
    }
    guard copied == size, now == size else { throw .changed(source) }
  }

  private static func named(
    _ path: String, _ body: () throws(CpioError) -> Void
  ) throws(ProgramError) {
    do {
      try body()
    } catch {
      throw .badName(path)
    }
  }
}
