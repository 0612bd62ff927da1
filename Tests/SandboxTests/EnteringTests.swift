import CLinux
import Glibc
import HostOS
import Sandbox
import Synchronization
import SystemPackage
import Testing

/// Each in a process of its own: nothing of this can be taken back.
@Suite struct EnteringTests {
  @Test func `the runtime works in every role`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let sandbox = try Sandbox.enter(.forTests())
        var workers: [Worker] = []
        for role in [ThreadRole.virtualCPU, .device, .virtualCPU, .device] {
          workers.append(try Worker(role, in: sandbox))
        }
        for worker in workers { try worker.waitUntilBound() }
        try sandbox.bindCallingThread(to: .main)
        Workload.run()
        for worker in workers { try worker.finish() }
        // Threads of a bound thread are bound as well, and live.
        var thread = try HostThread(name: "late") { Workload.run() }
        TestProcess.expect(
          thread.join(until: .now().advanced(byNanoseconds: 20_000_000_000)), "late")
        TestProcess.expect(Contention.shared.sum.withLock { $0 } == 6 * 5000, "a lock did not hold")
        let filters = sandbox.report.filters
        TestProcess.expect(
          filters.map { "\($0.role.rawValue) \($0.threads)" } == ["device 2", "main 1", "vcpu 2"],
          "\(filters)")
      }
    }
    #expect(result?.failure == nil)
  }

  @Test func `the report is what the kernel says`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let sandbox = try Sandbox.enter(.forTests())
        let report = sandbox.report
        TestProcess.expect(report.state == .on, "\(report)")
        TestProcess.expect(report.noNewPrivileges && Self.field("NoNewPrivs") == "1", "\(report)")
        TestProcess.expect(report.capabilities == 0, "\(report)")
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
          TestProcess.expect(Self.field(set) == "0000000000000000", set)
        }
        let bounding = Self.field("CapBnd").flatMap { UInt64($0, radix: 16) }
        TestProcess.expect(bounding?.nonzeroBitCount == report.boundingCapabilities, "\(report)")
        if geteuid() == 0 { TestProcess.expect(report.boundingCapabilities == 0, "\(report)") }
        TestProcess.expect(
          report.limits == [ResourceLimit(.coreFile, 1), ResourceLimit(.descriptors, 64)],
          "\(report)")
        // The testing library's threads ran before.
        TestProcess.expect(!report.otherThreads.isEmpty, "\(report)")
        TestProcess.expect(report.filters.isEmpty, "\(report)")
        // A container may have bound all of this already.
        let before = Self.field("Seccomp_filters").flatMap { Int($0) } ?? 0
        try sandbox.bindCallingThread(to: .main)
        let after = Self.field("Seccomp_filters").flatMap { Int($0) }
        TestProcess.expect(after == before + 1 && Self.field("Seccomp") == "2", "not bound")
        TestProcess.expect(sandbox.report.filters.map(\.role) == [.main], "\(sandbox.report)")
      }
    }
    #expect(result?.failure == nil)
  }

  /// A field of the calling thread's `status` (proc(5)).
  private static func field(_ name: String) -> String? {
    guard let bytes = try? Files.read("/proc/thread-self/status", limit: 1 << 16) else {
      return nil
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return lines.first { $0.hasPrefix(name + ":") }?.split(separator: "\t").last.map(String.init)
  }

  @Test func `the process still dies with its parent`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        // A change of credentials may clear this: PR_SET_PDEATHSIG and PR_GET_PDEATHSIG.
        ktstr_prctl(1, UInt(SIGKILL), 0)
        _ = try Sandbox.enter(.forTests())
        var signal: CInt = 0
        let code = withUnsafeMutablePointer(to: &signal) {
          ktstr_prctl(2, UInt(bitPattern: $0), 0)
        }
        TestProcess.expect(code == 0 && signal == SIGKILL, "signal \(signal)")
      }
    }
    #expect(result?.failure == nil)
  }

  @Test func `limits hold and stay`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        var policy = SandboxPolicy.forTests()
        policy.limits.append(ResourceLimit(.fileSize, 8192))
        _ = try Sandbox.enter(policy)
        var opened: [CInt] = []
        while case let next = dup(0), next >= 0 { opened.append(next) }
        TestProcess.expect(opened.last == 63, "descriptors up to \(opened.last ?? -1)")
        // Hard limits, so that even a privileged process could not raise them without privileges.
        TestProcess.expect(ktstr_limit_set(7, 128, 128) == -1 && errno == EPERM, "raised")
        TestProcess.expect(ktstr_limit_set(4, 1 << 20, 1 << 20) == -1 && errno == EPERM, "raised")
        for descriptor in opened { close(descriptor) }
        signal(SIGXFSZ, SIG_IGN)
        let memory = try MemoryFile(name: "limit", size: 8192)
        TestProcess.expect(
          ftruncate(memory.descriptor.raw, 8193) == -1 && errno == EFBIG,
          "a file grew past the limit")
      }
    }
    #expect(result?.failure == nil)
  }

  @Test func `the main thread may use the C library's streams`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        // A character device, of which the library asks more than of a file.
        let null = try Files.open("/dev/null", O_WRONLY)
        try Sandbox.enter(.forTests()).bindCallingThread(to: .main)
        let stream = fdopen(null.raw, "w")
        TestProcess.expect(fputs("text\n", stream) >= 0 && fflush(stream) == 0, "errno \(errno)")
        print("text")
        TestProcess.expect(fflush(nil) == 0, "errno \(errno)")
      }
    }
    #expect(result?.failure == nil)
  }

  @Test func `what is open stays usable and nothing else can be opened`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let file = try Files.open("/etc/passwd", O_RDONLY)
        let sandbox = try Sandbox.enter(.forTests(landlock: LandlockPolicy(readable: ["/usr"])))
        guard case .restricted = sandbox.report.landlock else { return }
        TestProcess.expect(
          try !DescriptorIO.readSome(file.raw, subject: "passwd").isEmpty, "not readable any more")
        TestProcess.expect(!Self.canOpen("/etc/passwd", O_RDONLY), "opened again")
        TestProcess.expect(Self.canOpen("/usr", O_RDONLY), "/usr")
      }
    }
    #expect(result?.failure == nil)
  }

  private static func canOpen(_ path: String, _ flags: CInt) -> Bool {
    let raw = open(path, flags | O_CLOEXEC)
    if raw >= 0 { close(raw) }
    return raw >= 0
  }

  @Test func `threads that would escape are named`() throws {
    let error = try onThread { () -> SandboxError? in
      var policy = SandboxPolicy.forTests()
      policy.toleratesOtherThreads = false
      do throws(SandboxError) {
        _ = try Sandbox.enter(policy)
        return nil
      } catch {
        return error
      }
    }
    guard case .otherThreads(let names) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!names.isEmpty)
  }

  @Test func `no sandbox binds nothing and says so`() throws {
    let sandbox = Sandbox.off(because: "asked for with --no-sandbox")
    try onThread {
      for role in ThreadRole.allCases { try sandbox.bindCallingThread(to: role) }
      // Which no role may.
      let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      #expect(raw >= 0)
      close(raw)
    }
    #expect(sandbox.report == .off(because: "asked for with --no-sandbox"))
    #expect(sandbox.report.description == "off, asked for with --no-sandbox")
    #expect(!sandbox.report.noNewPrivileges)
  }
}

extension SandboxPolicy {
  /// All of it, with paths that a test's own runtime needs, beside the testing library's threads.
  static func forTests(
    landlock: LandlockPolicy? = LandlockPolicy(readable: ["/proc"])
  ) -> SandboxPolicy {
    var policy = SandboxPolicy(landlock: landlock)
    policy.limits = [ResourceLimit(.coreFile, 1), ResourceLimit(.descriptors, 64)]
    policy.toleratesOtherThreads = true
    return policy
  }
}

/// A thread that binds itself to a role, works, and ends.
final class Worker: @unchecked Sendable {
  private let bound: EventFD
  private var thread: HostThread?

  init(_ role: ThreadRole, in sandbox: Sandbox) throws {
    bound = try EventFD()
    thread = try HostThread(name: role.rawValue) { [self] in
      do {
        try sandbox.bindCallingThread(to: role)
      } catch {
        TestProcess.fail("\(error)")
      }
      bound.signal()
      Workload.run()
    }
  }

  func waitUntilBound() throws {
    guard try Poll.wait(readable: bound.raw, timeoutNanoseconds: 20_000_000_000) else {
      throw ThreadOverdue()
    }
  }

  func finish() throws {
    guard thread?.join(until: .now().advanced(byNanoseconds: 20_000_000_000)) == true else {
      throw ThreadOverdue()
    }
  }
}
