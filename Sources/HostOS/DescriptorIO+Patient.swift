import Glibc
import SystemPackage

extension DescriptorIO {
  /// Writes all bytes, waiting for a slow reader on a descriptor that does not block by itself.
  ///
  /// - Parameter patience: how long one wait may take, in nanoseconds; over is `ETIMEDOUT`.
  /// - Throws: ``SystemCallError`` from `write` or `poll`.
  package static func writePatiently(
    _ bytes: [UInt8], to descriptor: CInt, subject: String,
    patienceNanoseconds patience: UInt64 = 30_000_000_000
  ) throws(SystemCallError) {
    var done = 0
    while done < bytes.count {
      do throws(SystemCallError) {
        done += try writeSome(bytes, from: done, to: descriptor, subject: subject)
      } catch {
        guard error.errno == .resourceTemporarilyUnavailable else { throw error }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let milliseconds = CInt(clamping: patience / 1_000_000)
        let ready = try systemCall("poll", on: subject) { unsafe poll(&entry, 1, milliseconds) }
        guard ready > 0 else { throw SystemCallError("write", .timedOut, subject: subject) }
      }
    }
  }
}
