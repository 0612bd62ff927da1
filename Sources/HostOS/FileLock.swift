import Glibc
import SystemPackage

/// Why a lock was not taken.
package enum FileLockError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Somebody else held it for the whole time that we were willing to wait.
  case busy(path: String, waitedNanoseconds: UInt64)
  /// A call failed.
  case system(SystemCallError)

  package var description: String {
    switch self {
    case .busy(let path, let waited):
      "\(path): another process held this lock for all of \(waited / 1_000_000_000) s"
    case .system(let error): error.description
    }
  }
}

/// An exclusive `flock(2)` on a file, given back when the value goes or its process dies.
///
/// The file is made when it is missing, and must not be removed while anybody may want the lock.
package struct FileLock: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// Takes the lock, waiting for its holder until the deadline.
  ///
  /// - Parameters:
  ///   - path: The lock file.
  ///   - deadline: When to give up.
  ///   - whenWaiting: Called once, if the lock is not free at once.
  /// - Throws: ``FileLockError``.
  package init(
    path: String, until deadline: MonotonicTime, whenWaiting: () -> Void = {}
  ) throws(FileLockError) {
    let start = MonotonicTime.now()
    let descriptor = try Self.open(path)
    var told = false
    while try !Self.take(descriptor.raw, path) {
      let now = MonotonicTime.now()
      guard now < deadline else {
        throw .busy(path: path, waitedNanoseconds: now.nanoseconds(since: start))
      }
      if !told { whenWaiting() }
      told = true
      // flock has no timeout of its own; 20 ms is short beside what is done under these locks.
      usleep(20_000)
    }
    self.descriptor = descriptor
  }

  private init(holding descriptor: consuming OwnedDescriptor) {
    self.descriptor = descriptor
  }

  deinit {
    // Closing alone would not do while another thread's fork has a copy of the descriptor.
    _ = flock(descriptor.raw, LOCK_UN)
  }

  /// Takes the lock if nobody holds it; nil when somebody does.
  ///
  /// - Throws: ``FileLockError``, never `busy`.
  package static func ifFree(path: String) throws(FileLockError) -> FileLock? {
    let descriptor = try open(path)
    guard try take(descriptor.raw, path) else { return nil }
    return FileLock(holding: descriptor)
  }

  private static func open(_ path: String) throws(FileLockError) -> OwnedDescriptor {
    do {
      return try Files.open(path, O_RDWR | O_CREAT, mode: 0o644)
    } catch {
      throw .system(error)
    }
  }

  private static func take(_ raw: CInt, _ path: String) throws(FileLockError) -> Bool {
    do {
      try systemCall("flock", on: path) { flock(raw, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error.errno == .wouldBlock { return false }
      throw .system(error)
    }
  }
}
