import Glibc
import SystemPackage

/// Reading and writing open descriptors.
package enum DescriptorIO {
  /// Reads a descriptor to its end.
  ///
  /// - Throws: ``SystemCallError`` from `read`; `EFBIG` for more than `limit` bytes.
  package static func readToEnd(
    _ descriptor: CInt, subject: String, limit: Int = 1 << 30
  ) throws(SystemCallError) -> [UInt8] {
    var content: [UInt8] = []
    while true {
      let chunk = try readSome(descriptor, subject: subject, limit: 1 << 16)
      if chunk.isEmpty { return content }
      content.append(contentsOf: chunk)
      guard content.count <= limit else {
        throw SystemCallError("read", .fileTooLarge, subject: subject)
      }
    }
  }

  /// One read of at most `limit` bytes; empty at the end.
  ///
  /// - Throws: ``SystemCallError`` from `read`, also `EAGAIN` on a non-blocking descriptor.
  package static func readSome(
    _ descriptor: CInt, subject: String, limit: Int = 1 << 16
  ) throws(SystemCallError) -> [UInt8] {
    var failure: SystemCallError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      do throws(SystemCallError) {
        count = try systemCall("read", on: subject) {
          unsafe Glibc.read(descriptor, buffer.baseAddress, limit)
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes all bytes to a descriptor.
  ///
  /// - Throws: ``SystemCallError`` from `write`.
  package static func write(
    _ bytes: [UInt8], to descriptor: CInt, subject: String
  ) throws(SystemCallError) {
    var done = 0
    while done < bytes.count {
      done += try writeSome(bytes, from: done, to: descriptor, subject: subject)
    }
  }

  /// One write of what is left.
  ///
  /// - Returns: how many bytes were taken.
  static func writeSome(
    _ bytes: [UInt8], from start: Int, to descriptor: CInt, subject: String
  ) throws(SystemCallError) -> Int {
    try systemCall("write", on: subject) {
      unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[start...])
        return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
      }
    }
  }

  /// Copies from where one file is read to where the other is written, within the kernel.
  ///
  /// - Returns: the bytes copied: fewer than `limit` where the source ends.
  /// - Throws: ``SystemCallError`` from `sendfile`.
  package static func copy(
    _ source: CInt, to target: CInt, atMost limit: UInt64 = .max, subject: String
  ) throws(SystemCallError) -> UInt64 {
    var copied: UInt64 = 0
    while copied < limit {
      let piece = Int(min(limit - copied, 1 << 30))
      let count = try systemCall("sendfile", on: subject) {
        sendfile(target, source, nil, piece)
      }
      if count == 0 { break }
      copied += UInt64(count)
    }
    return copied
  }
}
