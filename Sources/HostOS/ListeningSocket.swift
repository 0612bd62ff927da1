import CLinux
import Glibc
import SystemPackage

/// Why a path cannot be listened on.
package enum ListeningSocketError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The path has more bytes than a socket's name may have.
  case pathTooLong(path: String, byteCount: Int)
  /// Somebody answers on a socket of this name.
  case inUse(path: String)
  /// There is something at the path that is not a socket.
  case notASocket(path: String)
  /// Another process was at this point too, for as long as we were willing to wait.
  case directoryBusy(path: String)
  /// A call failed.
  case system(SystemCallError)

  package var description: String {
    switch self {
    case .pathTooLong(let path, let count):
      "\(path): a socket's path has at most \(ListeningSocket.maximumPath) bytes, this has \(count)"
    case .inUse(let path): "\(path): another process is listening on this socket"
    case .notASocket(let path): "\(path): exists and is not a socket"
    case .directoryBusy(let path): "\(path): another process holds the lock of this directory"
    case .system(let error): error.description
    }
  }
}

/// A UNIX stream socket that listens on a path, and removes the path when it goes.
///
/// A socket that a dead process left is replaced; one that somebody listens on is not. Looking,
/// removing and binding happen under a lock of the directory, so two that start at once cannot
/// remove each other's.
package struct ListeningSocket: ~Copyable, Sendable {
  /// Bytes that a path may have.
  package static let maximumPath = Int(ktstr_unix_max_path)

  private struct Identity: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
  }

  private let descriptor: OwnedDescriptor
  private let path: String
  private let identity: Identity?

  /// Listens on a path.
  ///
  /// - Parameter patienceNanoseconds: how long to wait for others in the same directory.
  /// - Throws: ``ListeningSocketError``.
  package init(
    path: String, patienceNanoseconds: UInt64 = 2_000_000_000
  ) throws(ListeningSocketError) {
    guard path.utf8.count <= Self.maximumPath else {
      throw .pathTooLong(path: path, byteCount: path.utf8.count)
    }
    let lock = try Self.lockDirectory(of: path, patienceNanoseconds)
    try Self.clear(path)
    descriptor = try Self.wrapping { () throws(SystemCallError) in
      OwnedDescriptor(
        owning: try systemCall("bind", on: path) { unsafe ktstr_unix_listen(path, 16) })
    }
    self.path = path
    identity = Self.identity(of: path)
    _ = consume lock
  }

  deinit {
    // A successor may have put its own there after ours was removed by hand.
    if identity != nil && Self.identity(of: path) == identity { unsafe _ = unlink(path) }
  }

  /// The listening descriptor; readable when somebody wants to connect.
  package var raw: CInt { descriptor.raw }

  private static func clear(_ path: String) throws(ListeningSocketError) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
    do throws(SystemCallError) {
      _ = try UnixSocket.connect(to: path, waits: false)
    } catch {
      guard error.errno == .connectionRefused else {
        // A full backlog means that somebody listens; what cannot be told is left alone.
        if error.errno == .wouldBlock { throw .inUse(path: path) }
        throw .system(error)
      }
      try wrapping { () throws(SystemCallError) in
        _ = try systemCall("unlink", on: path) { unsafe unlink(path) }
      }
      return
    }
    throw .inUse(path: path)
  }

  private static func lockDirectory(
    of path: String, _ patience: UInt64
  ) throws(ListeningSocketError) -> OwnedDescriptor {
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let deadline = MonotonicTime.now().advanced(byNanoseconds: patience)
    let lock = try wrapping { () throws(SystemCallError) in
      try Files.open(directory, O_RDONLY | O_DIRECTORY)
    }
    while flock(lock.raw, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK else {
        // Some file systems have no locks: then two starters may meet, as everywhere else.
        return lock
      }
      guard MonotonicTime.now() < deadline else { throw .directoryBusy(path: directory) }
      usleep(5000)
    }
    return lock
  }

  private static func identity(of path: String) -> Identity? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  private static func wrapping<Value: ~Copyable>(
    _ body: () throws(SystemCallError) -> Value
  ) throws(ListeningSocketError) -> Value {
    do {
      return try body()
    } catch {
      throw .system(error)
    }
  }
}

extension UnixSocket {
  /// Takes the next connection of a listening socket, or nil when there is none, or it went again.
  ///
  /// - Throws: ``SystemCallError`` from `accept4`, such as `EMFILE`.
  package static func accept(on listener: CInt) throws(SystemCallError) -> OwnedDescriptor? {
    do {
      return OwnedDescriptor(owning: try systemCall("accept4") { ktstr_accept(listener) })
    } catch {
      if error.errno == .wouldBlock || error.errno == .connectionAbort { return nil }
      throw error
    }
  }

  /// Connects to a listening socket.
  ///
  /// - Parameter waits: whether to wait while the listener's backlog is full; else `EAGAIN`.
  /// - Throws: ``SystemCallError``, `ENAMETOOLONG` for more than 107 bytes.
  package static func connect(
    to path: String, waits: Bool = true
  ) throws(SystemCallError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try systemCall("connect", on: path) { unsafe ktstr_unix_connect(path, waits ? 0 : 1) }
    )
  }
}
