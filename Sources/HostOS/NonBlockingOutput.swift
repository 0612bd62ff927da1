import Glibc
import SystemPackage

/// Output that never makes its writer wait, whatever its reader does.
///
/// A pipe or terminal is opened a second time, because the mode of the first open file is shared
/// with whoever else has it: the user's shell, above all. Where that is not allowed, small writes
/// after a `poll` come near to it.
package struct NonBlockingOutput: ~Copyable {
  /// A pipe that polls as writable takes as much as this (`PIPE_BUF`) without a wait.
  private static let smallWrite = 4096

  /// The descriptor to poll.
  package let raw: CInt
  private let reopened: OwnedDescriptor?
  private let mayWait: Bool

  /// Makes an output to an open descriptor, which must stay open as long as this lives.
  package init(_ descriptor: CInt) {
    let again = Self.reopen(descriptor)
    switch again {
    case .some(let own): (raw, mayWait) = (own.raw, false)
    case .none: (raw, mayWait) = (descriptor, true)
    }
    reopened = again
  }

  /// Writes what fits just now; the number of bytes that went, which may be zero.
  ///
  /// Where nothing could be reopened, poll for writability first, or the write may wait.
  ///
  /// - Throws: ``SystemCallError`` from `write`: `EPIPE` when the reader is gone.
  package func write(_ bytes: ArraySlice<UInt8>, subject: String) throws(SystemCallError) -> Int {
    let target = raw
    let count = mayWait ? min(bytes.count, Self.smallWrite) : bytes.count
    do {
      return try systemCall("write", on: subject) {
        unsafe bytes.withUnsafeBytes { unsafe Glibc.write(target, $0.baseAddress, count) }
      }
    } catch {
      guard error.errno == .resourceTemporarilyUnavailable else { throw error }
      return 0
    }
  }

  private static func reopen(_ descriptor: CInt) -> OwnedDescriptor? {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    let kind = status.st_mode & S_IFMT
    // A regular file never makes anyone wait, and would be overwritten from its start.
    guard kind == S_IFCHR || kind == S_IFIFO else { return nil }
    return try? Files.open(
      "/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY)
  }
}
