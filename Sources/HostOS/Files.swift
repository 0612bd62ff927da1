import Glibc
import SystemPackage

/// What `stat(2)` says of a file, as far as this program asks.
package struct FileStatus: Hashable, Sendable {
  /// What kind of file it is.
  package enum Kind: Hashable, Sendable {
    case regular, directory, symbolicLink, other
  }

  /// What kind of file it is.
  package let kind: Kind
  /// Size in bytes.
  package let size: UInt64
  /// Time of the last change of its content, in nanoseconds since 1970.
  package let modifiedNanoseconds: Int64
  /// Bits such as `0o755`.
  package let permissions: UInt32

  init(_ raw: stat) {
    switch raw.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .directory
    case S_IFLNK: kind = .symbolicLink
    default: kind = .other
    }
    size = UInt64(clamping: raw.st_size)
    modifiedNanoseconds =
      Int64(raw.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_mtim.tv_nsec)
    permissions = raw.st_mode & 0o7777
  }
}

/// Whole files and directories by path.
package enum Files {
  /// The content of a file.
  ///
  /// - Throws: ``SystemCallError``; `EFBIG` for a file of more than `limit` bytes.
  package static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    let file = try open(path, O_RDONLY)
    let raw = file.raw
    var status = stat()
    try systemCall("fstat", on: path) { unsafe fstat(raw, &status) }
    guard status.st_size <= limit else {
      throw SystemCallError("read", .fileTooLarge, subject: path)
    }
    // One byte more than the size, so that one call sees both the content and its end.
    return try drain(raw, path: path, expecting: Int(status.st_size) + 1, limit: limit)
  }

  /// Writes a file in place of what was there, not atomically.
  ///
  /// - Throws: ``SystemCallError`` from the call that failed.
  package static func write(
    _ bytes: some RandomAccessCollection<UInt8>, to path: String, mode: UInt32 = 0o644
  ) throws(SystemCallError) {
    let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    let raw = file.raw
    let content = Array(bytes)
    var offset = 0
    while offset < content.count {
      let start = offset
      offset += try systemCall("write", on: path) {
        unsafe content.withUnsafeBytes { buffer in
          unsafe Glibc.write(raw, buffer.baseAddress?.advanced(by: start), buffer.count - start)
        }
      }
    }
  }

  /// Moves a file or directory within one file system, atomically.
  ///
  /// - Throws: ``SystemCallError`` from `rename`.
  package static func rename(_ path: String, to target: String) throws(SystemCallError) {
    try systemCall("rename", on: path) { unsafe Glibc.rename(path, target) }
  }

  /// Makes a directory and what is missing above it; one that exists is no error.
  ///
  /// - Throws: ``SystemCallError`` from `mkdir`.
  package static func makeDirectories(_ path: String) throws(SystemCallError) {
    if try status(of: path)?.kind == .directory { return }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeDirectories(String(path[..<slash]))
    }
    do {
      try systemCall("mkdir", on: path) { unsafe mkdir(path, 0o777) }
    } catch {
      // Somebody else may have been quicker.
      guard error.errno == .fileExists, try status(of: path)?.kind == .directory else {
        throw error
      }
    }
  }

  /// What a path names, or nil when there is nothing.
  ///
  /// - Throws: ``SystemCallError`` from `stat`, except for a path that does not exist.
  package static func status(
    of path: String, followingLinks: Bool = true
  ) throws(SystemCallError) -> FileStatus? {
    var raw = stat()
    do {
      try systemCall("stat", on: path) {
        unsafe fstatat(AT_FDCWD, path, &raw, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW)
      }
    } catch {
      if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
      throw error
    }
    return FileStatus(raw)
  }

  /// The names in a directory without `.` and `..`, sorted.
  ///
  /// - Throws: ``SystemCallError`` from `opendir`.
  package static func entries(of path: String) throws(SystemCallError) -> [String] {
    guard let stream = unsafe opendir(path) else {
      throw SystemCallError("opendir", Errno(rawValue: errno), subject: path)
    }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
          unsafe String(cString: $0)
        }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a file, or a directory with all that is in it; nothing there is no error.
  ///
  /// - Throws: ``SystemCallError`` from the removal that failed.
  package static func removeTree(_ path: String) throws(SystemCallError) {
    guard let status = try status(of: path, followingLinks: false) else { return }
    if status.kind == .directory {
      for name in try entries(of: path) { try removeTree(path + "/" + name) }
    }
    do {
      try systemCall("unlink", on: path) {
        unsafe status.kind == .directory ? rmdir(path) : unlink(path)
      }
    } catch {
      if error.errno != .noSuchFileOrDirectory { throw error }
    }
  }

  /// Sets a file's time of last change to now.
  ///
  /// - Throws: ``SystemCallError`` from `utimensat`.
  package static func touch(_ path: String) throws(SystemCallError) {
    try systemCall("utimensat", on: path) { unsafe utimensat(AT_FDCWD, path, nil, 0) }
  }

  /// Opens a file, close-on-exec.
  ///
  /// - Throws: ``SystemCallError`` from `open`.
  package static func open(
    _ path: String, _ flags: CInt, mode: UInt32 = 0o644
  ) throws(SystemCallError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try systemCall("open", on: path) { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  /// Reads a descriptor to its end.
  private static func drain(
    _ raw: CInt, path: String, expecting: Int, limit: Int
  ) throws(SystemCallError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: expecting)
    var count = 0
    while true {
      // A file may grow while it is read, and those of /proc and /sys say no size at all.
      if count == bytes.count {
        bytes.append(contentsOf: repeatElement(0, count: max(4096, count)))
      }
      let start = count
      let got = try systemCall("read", on: path) {
        unsafe bytes.withUnsafeMutableBytes { buffer in
          unsafe Glibc.read(raw, buffer.baseAddress?.advanced(by: start), buffer.count - start)
        }
      }
      if got == 0 { break }
      count += got
      if count > limit { throw SystemCallError("read", .fileTooLarge, subject: path) }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}

extension Files {
  /// Whether this process may read a file.
  package static func isReadable(_ path: String) -> Bool {
    unsafe access(path, R_OK) == 0
  }

  /// The text of a symbolic link.
  ///
  /// - Throws: ``SystemCallError`` from `readlink`; `EINVAL` for what is no link.
  package static func linkTarget(of path: String) throws(SystemCallError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = try systemCall("readlink", on: path) {
      unsafe readlink(path, &buffer, buffer.count)
    }
    return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The directory that relative paths start from.
  ///
  /// - Throws: ``SystemCallError`` from `getcwd`.
  package static func workingDirectory() throws(SystemCallError) -> String {
    guard let path = unsafe getcwd(nil, 0) else {
      throw SystemCallError("getcwd", Errno(rawValue: errno))
    }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }
}
