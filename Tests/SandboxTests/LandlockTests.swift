import Glibc
import HostOS
import Sandbox
import SystemPackage
import Testing

@Suite struct LandlockTests {
  @Test(arguments: [
    (1, 0x1fff), (2, 0x3fff), (3, 0x7fff), (4, 0x7fff), (5, 0xffff), (6, 0xffff),
  ])
  func `an ABI is told of what it knows`(abi: Int, files: UInt64) {
    let handled = LandlockPolicy.handled(by: abi)
    #expect(handled.files.rawValue == files)
    // linux/landlock.h: TCP bind and connect from 4; abstract sockets and signals from 6.
    #expect(handled.network == (abi >= 4 ? 3 : 0))
    #expect(handled.scopes == (abi >= 6 ? 3 : 0))
  }

  @Test func `rights are of the kernel's header`() {
    #expect(LandlockAccess.reading.rawValue == 0b1100)
    #expect(LandlockAccess.writing.rawValue == 0x61be)
    #expect(LandlockAccess.ofFiles.rawValue == 0xc007)
    #expect(!LandlockAccess.writing.contains(.execute))
  }

  /// A directory of its own with `in` and `out`, removed afterwards.
  private func withDirectories(_ body: (String) throws -> Void) throws {
    let path = "/tmp/ktstr-landlock-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try Files.makeDirectories(path)
    defer { try? Files.removeTree(path) }
    for name in ["in", "out", "read"] {
      try Files.makeDirectories("\(path)/\(name)")
      try Files.write([1, 2, 3], to: "\(path)/\(name)/file")
    }
    try body(path)
  }

  /// The errno of a body on a thread that may read `read` and `out/single`, and change `in`.
  private func errno(
    _ path: String, _ body: @escaping @Sendable (String) throws(SystemCallError) -> Void
  ) throws -> Errno? {
    let policy = LandlockPolicy(
      readable: ["\(path)/read", "\(path)/out/file"], writable: ["\(path)/in"])
    return try onThread {
      try giveUpPrivileges()
      guard case .restricted = try policy.restrictCallingThread() else { throw NoLandlock() }
      do throws(SystemCallError) {
        try body(path)
        return nil
      } catch {
        return error.errno
      }
    }
  }

  private static let isThere: Bool = {
    guard case .success = try? LandlockPolicy.abi() else { return false }
    return true
  }()

  @Test(.enabled(if: isThere, "this kernel has no Landlock"))
  func `paths inside are open and those outside are not`() throws {
    try withDirectories { path in
      func expect(
        _ expected: Errno?, _ what: Comment,
        _ body: @escaping @Sendable (String) throws(SystemCallError) -> Void
      ) throws {
        #expect(try errno(path, body) == expected, what)
      }
      try expect(nil, "reading beneath a readable directory") {
        (path) throws(SystemCallError) in _ = try Files.read("\(path)/read/file", limit: 9)
      }
      try expect(nil, "reading a readable file") {
        (path) throws(SystemCallError) in _ = try Files.read("\(path)/out/file", limit: 9)
      }
      try expect(.permissionDenied, "writing to a readable file") {
        (path) throws(SystemCallError) in try Files.write([1], to: "\(path)/out/file")
      }
      try expect(.permissionDenied, "making a file in a readable directory") {
        (path) throws(SystemCallError) in try Files.write([1], to: "\(path)/read/new")
      }
      try expect(nil, "making, replacing and removing in a writable directory") {
        (path) throws(SystemCallError) in
        try Files.write([1], to: "\(path)/in/new")
        try Files.write([1], to: "\(path)/in/file")
        try Files.rename("\(path)/in/new", to: "\(path)/in/other")
        try Files.makeDirectories("\(path)/in/deep/er")
        try Files.removeTree("\(path)/in/deep")
      }
      try expect(.permissionDenied, "reading elsewhere") {
        (path) throws(SystemCallError) in _ = try Files.read("/etc/passwd", limit: 1 << 20)
      }
      try expect(.permissionDenied, "listing the directory above") {
        (path) throws(SystemCallError) in _ = try Files.open(path, O_RDONLY)
      }
      try expect(.permissionDenied, "removing elsewhere") {
        (path) throws(SystemCallError) in try Files.removeTree("\(path)/out/file")
      }
    }
  }

  @Test(.enabled(if: isThere, "this kernel has no Landlock"))
  func `a path that does not exist is named`() throws {
    let error = try onThread { () -> SandboxError? in
      try giveUpPrivileges()
      do throws(SandboxError) {
        _ = try LandlockPolicy(readable: ["/nowhere/at/all"]).restrictCallingThread()
        return nil
      } catch {
        return error
      }
    }
    guard case .system(_, let cause) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause == SystemCallError("open", .noSuchFileOrDirectory, subject: "/nowhere/at/all"))
  }

  @Test func `the outcome is what the kernel has`() throws {
    let outcome = try onThread {
      try giveUpPrivileges()
      return try LandlockPolicy(readable: ["/"]).restrictCallingThread()
    }
    switch try LandlockPolicy.abi() {
    case .success(let abi):
      #expect(outcome == .restricted(abi: min(abi, LandlockPolicy.newestABI)))
    case .failure(let absence): #expect(outcome == .absent(because: absence.rawValue))
    }
  }

  @Test(arguments: [
    (ENOSYS, "not built into this kernel"), (EOPNOTSUPP, "not enabled at boot"),
    (EPERM, "not permitted here"),
  ])
  func `a kernel without it is told and is no error`(code: CInt, reason: String) throws {
    // The kernel's answer, given by a filter in its place: landlock_create_ruleset(2).
    let filter = SeccompFilter(
      [
        SeccompRule(
          SystemCallNumber(rawValue: 444), do: .fail(Errno(rawValue: code)), reason: "test")
      ], otherwise: .allow)
    let outcome = try onThread {
      try giveUpPrivileges()
      try filter.compile().bindCallingThread(as: "test")
      return try LandlockPolicy(readable: ["/"]).restrictCallingThread()
    }
    #expect(outcome == .absent(because: reason))
  }
}

struct NoLandlock: Error {}
