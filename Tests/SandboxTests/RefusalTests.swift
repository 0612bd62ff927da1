import CLinux
import Glibc
import HostOS
import Sandbox
import Testing

/// What a thread is made to do that its role does not have.
enum Misdeed: String, CaseIterable, Codable {
  case socket, execve, openat, ptrace, mount, kill, clone3, fork, mmap, mprotect, ioctl, unlisted

  /// Calls that the role has, but not with all arguments.
  static let known: Set<Misdeed> = [.mmap, .mprotect, .ioctl, .openat, .fork]

  /// The name in the refusal.
  func name(_ role: ThreadRole) -> String {
    switch self {
    case .fork: "clone (56)"
    case .socket: "socket (41)"
    case .execve: "execve (59)"
    case .openat: "openat (257)"
    case .ptrace: "ptrace (101)"
    case .mount: "mount (165)"
    case .kill: "kill (62)"
    case .clone3: "clone3 (435)"
    case .mmap: "mmap (9)"
    case .mprotect: "mprotect (10)"
    case .ioctl: "ioctl (16)"
    case .unlisted: "a system call without a name (2025)"
    }
  }

  /// Roles that are refused by name; the main thread may open files, and hears ENOSYS of clone3.
  var roles: [ThreadRole] {
    switch self {
    case .openat, .clone3: [.virtualCPU, .device]
    case .fork: [.main]
    default: ThreadRole.allCases
    }
  }

  func commit() {
    switch self {
    case .socket: _ = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    case .execve: call(59)
    case .openat: _ = open("/etc/passwd", O_RDWR)
    case .ptrace: call(101)
    case .mount: call(165)
    case .kill: _ = Glibc.kill(getpid(), 0)
    case .clone3: call(435)
    // Threads' flags without CLONE_THREAD.
    case .fork: call(56, [0x3c_0f00])
    case .mmap: _ = Glibc.mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    case .mprotect: call(10, [0, 4096, 5])
    // TIOCSTI, which types on a terminal.
    case .ioctl: call(16, [0, 0x5412])
    case .unlisted: call(2025)
    }
  }

  private func call(_ number: UInt32, _ arguments: [UInt64] = []) {
    _ = RawSystemCall()?.make(ObservedCall(number, arguments))
  }
}

@Suite struct RefusalTests {
  private static let all = Misdeed.allCases.flatMap { misdeed in
    misdeed.roles.map { (misdeed, $0) }
  }

  @Test(arguments: all)
  func `a refused call ends the process and is named`(misdeed: Misdeed, role: ThreadRole)
    async throws
  {
    let status = CInt(Sandbox.refusedStatus)
    let result = await #expect(
      processExitsWith: .exitCode(status), observing: [\.standardErrorContent]
    ) { [misdeed = misdeed as Misdeed, role = role as ThreadRole] in
      TestProcess.run {
        let sandbox = try Sandbox.enter(.forTests())
        try sandbox.bindCallingThread(to: role)
        misdeed.commit()
        throw NotRefused()
      }
    }
    let words = try #require(result?.words)
    let detail = Misdeed.known.contains(misdeed) && (misdeed != .ioctl || role != .device)
    let line =
      "ktstr: sandbox: a thread of role '\(role.rawValue)' may not call \(misdeed.name(role))"
      + (detail ? " with these arguments: 0x" : "; its arguments: 0x")
    #expect(words.contains(line), "\(words)")
  }

  @Test func `the line goes where the policy says`() async throws {
    let status = CInt(Sandbox.refusedStatus)
    let result = await #expect(
      processExitsWith: .exitCode(status), observing: [\.standardOutputContent]
    ) {
      TestProcess.run {
        var policy = SandboxPolicy.forTests()
        policy.refusalDescriptor = 1
        try Sandbox.enter(policy).bindCallingThread(to: .device)
        Misdeed.socket.commit()
      }
    }
    let words = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
    #expect(words.contains("'device' may not call socket (41); its arguments: 0x2 0x1 0x0"))
  }

  @Test func `threads of a bound thread are refused by name, too`() async throws {
    let status = CInt(Sandbox.refusedStatus)
    let result = await #expect(
      processExitsWith: .exitCode(status), observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        try Sandbox.enter(.forTests()).bindCallingThread(to: .main)
        var thread = try HostThread(name: "heir") { Misdeed.socket.commit() }
        _ = thread.join(until: .now().advanced(byNanoseconds: 20_000_000_000))
      }
    }
    #expect(try #require(result).words.contains("may not call socket (41)"))
  }

  @Test func `a thread that has all signals blocked is refused by name, too`() async throws {
    let status = CInt(Sandbox.refusedStatus)
    let result = await #expect(
      processExitsWith: .exitCode(status), observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let sandbox = try Sandbox.enter(.forTests())
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        try sandbox.bindCallingThread(to: .device)
        Misdeed.socket.commit()
      }
    }
    #expect(try #require(result).words.contains("may not call socket (41)"))
  }

  @Test func `a call that a policy adds is allowed, in its role only`() async {
    let status = CInt(Sandbox.refusedStatus)
    await #expect(processExitsWith: .exitCode(status)) {
      TestProcess.run {
        var policy = SandboxPolicy.forTests()
        policy.additions[.device] = [SeccompRule(.socket, reason: "test")]
        let sandbox = try Sandbox.enter(policy)
        let allowed = try onThread {
          try sandbox.bindCallingThread(to: .device)
          return socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0) >= 0
        }
        TestProcess.expect(allowed, "not allowed")
        try sandbox.bindCallingThread(to: .virtualCPU)
        Misdeed.socket.commit()
      }
    }
  }

  @Test func `a SIGSYS from outside is told from a refusal`() async throws {
    let status = CInt(Sandbox.refusedStatus)
    let result = await #expect(
      processExitsWith: .exitCode(status), observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        _ = try Sandbox.enter(.forTests())
        raise(SIGSYS)
      }
    }
    #expect(try #require(result).words.contains("ktstr: sandbox: SIGSYS came from outside"))
  }
}

struct NotRefused: Error {}
