import Glibc
import SystemPackage

/// Whole files at once.
package enum Files {
  /// Reads a file of any kind to its end.
  ///
  /// - Parameter limit: more bytes than this are an `EFBIG` error.
  /// - Throws: ``SystemCallError`` from `open` or `read`.
  package static func read(
    _ path: String, limit: Int = 1 << 30
  ) throws(SystemCallError) -> [UInt8] {
    let file = OwnedDescriptor(
      owning: try systemCall("open", on: path) { unsafe open(path, O_RDONLY | O_CLOEXEC) })
    return try read(file.raw, subject: path, limit: limit)
  }

  /// Reads an open descriptor to its end.
  ///
  /// - Throws: ``SystemCallError`` from `read`.
  package static func read(
    _ descriptor: CInt, subject: String, limit: Int = 1 << 30
  ) throws(SystemCallError) -> [UInt8] {
    var content: [UInt8] = []
    while true {
      let chunk = try readSome(descriptor, subject: subject, limit: 1 << 20)
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
      done += try systemCall("write", on: subject) {
        unsafe bytes.withUnsafeBytes { buffer in
          let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
          return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        }
      }
    }
  }

  /// Whether something exists at the path.
  package static func exists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
  }

  /// Whether the path can be executed by this process.
  package static func isExecutable(_ path: String) -> Bool {
    unsafe access(path, X_OK) == 0
  }

  /// Whether the path is a directory.
  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return false }
    return status.st_mode & S_IFMT == S_IFDIR
  }
}

/// Directories.
package enum Directories {
  /// Creates a directory and its parents; one that exists is fine.
  ///
  /// - Throws: ``SystemCallError`` from `mkdir`.
  package static func create(_ path: String) throws(SystemCallError) {
    if Files.isDirectory(path) { return }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try create(String(path[..<slash]))
    }
    do {
      try systemCall("mkdir", on: path) { unsafe mkdir(path, 0o755) }
    } catch {
      // Another process may have been quicker.
      guard error.errno == .fileExists && Files.isDirectory(path) else { throw error }
    }
  }

  /// Names in a directory, sorted, without `.` and `..`.
  ///
  /// - Throws: ``SystemCallError`` from `opendir`.
  package static func list(_ path: String) throws(SystemCallError) -> [String] {
    guard let stream = unsafe opendir(path) else {
      throw SystemCallError("opendir", Errno(rawValue: errno), subject: path)
    }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
