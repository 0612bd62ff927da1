import HostOS
import SystemPackage

/// The part of a store where kernels are put together, out of sight, before a rename shows them.
///
/// Each staging directory holds a lock file that its maker has locked for as long as it works. One
/// whose lock is free belongs to nobody alive, and is removed by whoever looks next. Making,
/// publishing and sweeping happen under the store's own lock, so no directory is ever seen between
/// its creation and its locking.
struct StagingArea: Sendable {
  static let prefix = ".staging-"

  let root: FilePath

  /// Takes the store's lock for a short step.
  func withLock<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
    try Files.makeDirectories(root.string)
    let lock = try FileLock(
      path: root.appending(".lock").string,
      until: MonotonicTime.now().advanced(byNanoseconds: 60_000_000_000))
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  /// Makes a staging directory that lives as long as the value it returns.
  func begin() throws -> StagingDirectory {
    try withLock {
      try sweep()
      let name = Self.prefix + String(UInt64.random(in: .min ... .max), radix: 36)
      let path = root.appending(name)
      try Files.makeDirectories(path.string)
      guard let lock = try FileLock.ifFree(path: path.appending("lock").string) else {
        throw KernelError.step("\(path)", reason: "a new directory is locked already")
      }
      return StagingDirectory(path: path, lock: lock)
    }
  }

  /// Removes what dead processes left; the caller holds the store's lock.
  func sweep() throws {
    for name in try Files.entries(of: root.string) where name.hasPrefix(Self.prefix) {
      let path = root.appending(name)
      do {
        if let lock = try FileLock.ifFree(path: path.appending("lock").string) {
          try Files.removeTree(path.string)
          withExtendedLifetime(lock) {}
        }
      } catch {
        // Its maker may be removing it just now; if not, the next one tries again.
        continue
      }
    }
  }

  /// Removes what dead processes left, unless somebody is at work in the store right now.
  ///
  /// For those who only read: a store that they may not write is no reason to fail.
  func sweepIfQuiet() {
    do {
      if let lock = try FileLock.ifFree(path: root.appending(".lock").string) {
        try sweep()
        withExtendedLifetime(lock) {}
      }
    } catch {
      return
    }
  }
}

/// A directory to build in; removed with all that is left in it when the value goes.
struct StagingDirectory: ~Copyable {
  let path: FilePath
  private let lock: FileLock

  init(path: FilePath, lock: consuming FileLock) {
    self.path = path
    self.lock = lock
  }

  deinit {
    // What this cannot remove, the next sweep does.
    try? Files.removeTree(path.string)
  }

  /// Where the kernel is put together.
  var kernel: FilePath { path.appending("kernel") }
}
