import Glibc
import HostOS

/// An append-only file of a run directory; every write reaches the file before the call returns.
package struct EvidenceFile: ~Copyable {
  private let descriptor: OwnedDescriptor
  /// Path of the file, for messages.
  package let path: String

  /// Creates the file; one that exists already is refused, so that nothing is ever overwritten.
  ///
  /// - Throws: ``EvidenceError/system(_:)``.
  package init(creating path: String) throws(EvidenceError) {
    try self.init(path, O_CREAT | O_EXCL)
  }

  /// Opens a file that exists, to add to it.
  ///
  /// - Throws: ``EvidenceError/system(_:)``.
  package init(appendingTo path: String) throws(EvidenceError) {
    try self.init(path, 0)
  }

  private init(_ path: String, _ flags: CInt) throws(EvidenceError) {
    do {
      descriptor = try Files.open(path, O_WRONLY | O_APPEND | flags)
    } catch {
      throw .system(error)
    }
    self.path = path
  }

  /// The descriptor's number, for handing to a child process.
  package var rawDescriptor: CInt { descriptor.raw }

  /// Appends all bytes.
  ///
  /// - Throws: ``EvidenceError/system(_:)``, with `ENOSPC` on a full disk.
  package func append(_ bytes: some Collection<UInt8>) throws(EvidenceError) {
    do {
      try DescriptorIO.write(Array(bytes), to: descriptor.raw, subject: path)
    } catch {
      throw .system(error)
    }
  }

  /// Appends a line.
  ///
  /// - Throws: ``EvidenceError/system(_:)``.
  package func append(line: String) throws(EvidenceError) {
    try append((line + "\n").utf8)
  }
}
