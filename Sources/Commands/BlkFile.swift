import CLinux
import Glibc
import Harness
import HostOS
import SystemPackage

/// The file behind `ktstr blk`, opened, checked and locked.
enum BlkFile {
  /// What is wanted of the file.
  struct Wish {
    var path: String
    var size: UInt64?
    var isReadOnly: Bool
    var isDirect: Bool
  }

  /// Opens the file; what is wrong with it becomes one line that says what to do.
  ///
  /// - Throws: ``CommandFailure``.
  static func open(_ wish: Wish) throws -> OwnedDescriptor {
    if let size = wish.size { try makeIfMissing(wish, size) }
    let descriptor = try openExisting(wish)
    try check(descriptor, wish)
    return descriptor
  }

  private static func makeIfMissing(_ wish: Wish, _ size: UInt64) throws {
    guard let length = off_t(exactly: size), size > 0 else {
      throw failure(wish, "--size \(size) is no size for a disk")
    }
    do {
      let made = try Files.open(wish.path, O_RDWR | O_CREAT | O_EXCL)
      let raw = made.raw
      do {
        try systemCall("ftruncate", on: wish.path) { ftruncate(raw, length) }
      } catch {
        unsafe _ = unlink(wish.path)
        throw failure(wish, "cannot be made \(size) bytes long: \(error.errno)")
      }
    } catch let error as SystemCallError {
      if error.errno == .fileExists { return }
      throw failure(wish, "cannot be made: \(error.errno)")
    }
  }

  private static func openExisting(_ wish: Wish) throws -> OwnedDescriptor {
    var flags = (wish.isReadOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY
    if wish.isDirect { flags |= ktstr_o_direct() }
    do {
      return try Files.open(wish.path, flags)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory:
        throw failure(wish, "no such file; --size 1G makes one")
      case .isDirectory: throw failure(wish, "is a directory; a regular file is needed")
      case .permissionDenied where !wish.isReadOnly, .readOnlyFileSystem, .notPermitted,
        .textFileBusy:
        throw failure(wish, "cannot be written (\(error.errno)); serve it with --read-only")
      case .invalidArgument where wish.isDirect:
        throw failure(wish, "its file system has no O_DIRECT; leave --direct out")
      default: throw failure(wish, "cannot be opened: \(error.errno)")
      }
    }
  }

  private static func check(_ descriptor: borrowing OwnedDescriptor, _ wish: Wish) throws {
    let raw = descriptor.raw
    var status = stat()
    try systemCall("fstat", on: wish.path) { unsafe fstat(raw, &status) }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFBLK else {
      throw failure(wish, "is neither a regular file nor a block device")
    }
    let end = try systemCall("lseek", on: wish.path) { lseek(raw, 0, SEEK_END) }
    guard end >= 512 else {
      let remedy = kind == S_IFREG ? "; `truncate -s 1G` gives it a size" : ""
      throw failure(wish, "\(end) bytes are too few for a disk\(remedy)")
    }
    if let size = wish.size, size != UInt64(end) {
      throw failure(wish, "is there, with \(end) bytes and not \(size); leave --size out to use it")
    }
    // Two that write one disk destroy it; two that read do no harm.
    guard flock(raw, (wish.isReadOnly ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 || errno != EWOULDBLOCK
    else { throw failure(wish, "another ktstr serves this file; stop it, or take a copy") }
    // O_NONBLOCK was for opening only: a FIFO must not make us wait.
    let flags = try systemCall("fcntl", on: wish.path) { fcntl(raw, F_GETFL) }
    try systemCall("fcntl", on: wish.path) { fcntl(raw, F_SETFL, flags & ~O_NONBLOCK) }
  }

  private static func failure(_ wish: Wish, _ text: String) -> CommandFailure {
    CommandFailure("\(wish.path): \(text)", .harnessFailed)
  }
}
