import CLinux
import Glibc
import SystemPackage

/// A file that lives in memory only and can be mapped, sent and shared by its descriptor.
package struct MemoryFile: ~Copyable, Sendable {
  /// The open file.
  package let descriptor: OwnedDescriptor
  /// Its length in bytes.
  package let size: UInt64

  /// Makes a zero-filled file that cannot shrink, so that a mapping of it stays whole.
  ///
  /// - Parameter name: shown in `/proc/self/maps`, for people.
  /// - Throws: ``SystemCallError`` from `memfd_create`, `ftruncate` or `fcntl`.
  package init(name: String, size: UInt64) throws(SystemCallError) {
    let raw = try systemCall("memfd_create", on: name) { unsafe ktstr_memfd_create(name) }
    let descriptor = OwnedDescriptor(owning: raw)
    guard let length = off_t(exactly: size) else {
      throw SystemCallError("ftruncate", .fileTooLarge, subject: name)
    }
    try systemCall("ftruncate", on: name) { ftruncate(raw, length) }
    try systemCall("fcntl", on: name) { ktstr_seal_shrink(raw) }
    self.descriptor = descriptor
    self.size = size
  }
}
