import CLinux
import Glibc
import SystemPackage

/// What to start: program, arguments, environment, descriptors, and how it dies.
package struct ProcessRequest: Sendable {
  /// One descriptor of ours and the number it has in the child.
  package struct DescriptorMapping: Sendable {
    /// The number here; must stay open until `spawn` returns.
    package var parent: CInt
    /// The number in the child, below 512.
    package var child: CInt

    /// Maps `parent` here to `child` there.
    package init(_ parent: CInt, to child: CInt) {
      self.parent = parent
      self.child = child
    }
  }

  /// Absolute path of the program.
  package var path: String
  /// Arguments after argv[0], which is the path.
  package var arguments: [String]
  /// `NAME=value` strings; nil takes ours.
  package var environment: [String]?
  /// Descriptors to hand over; a standard one not named is `/dev/null`.
  package var descriptors: [DescriptorMapping] = []
  /// Sent to the child when the *thread* that spawned it ends (`PR_SET_PDEATHSIG`).
  package var parentDeathSignal: CInt = SIGKILL
  /// Whether the child leads a process group of its own (and so is not hit by Ctrl-C).
  package var ownProcessGroup = true
  /// Directory to start in; nil takes ours.
  package var workingDirectory: String?

  /// Makes a request with the defaults: own process group, killed with its parent.
  package init(path: String, arguments: [String], environment: [String]? = nil) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
  }
}

/// How a process ended.
package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  /// It called exit with this status.
  case exited(CInt)
  /// A signal ended it.
  case signaled(CInt)

  init(waitStatus status: CInt) {
    // wait(2): the low seven bits are the signal, zero for a normal exit.
    let signal = status & 0x7f
    self = signal == 0 ? .exited((status >> 8) & 0xff) : .signaled(signal)
  }

  package var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signaled(let signal): "killed by signal \(signal)"
    }
  }
}

/// A process that we started and must reap; killed and reaped when its owner goes.
package struct ChildProcess: ~Copyable, Sendable {
  /// Its process id, valid until reaped.
  package let pid: CInt
  /// Readable once the process has ended.
  package let pidDescriptor: OwnedDescriptor
  private let ownsGroup: Bool
  private var status: ExitStatus?

  /// Starts a process.
  ///
  /// Call it from a thread that outlives the child: the parent-death signal is tied to it.
  ///
  /// - Throws: ``SystemCallError`` from any step up to and including `execve`.
  package init(spawning request: ProcessRequest) throws(SystemCallError) {
    var pid: pid_t = 0
    let code = unsafe ProcessVectors.withVectors(of: request) { arguments, environment, directory in
      let mappings = request.descriptors.map {
        ktstr_fd_mapping(parent_fd: $0.parent, child_fd: $0.child)
      }
      return unsafe mappings.withUnsafeBufferPointer { buffer in
        unsafe ktstr_spawn(
          request.path, arguments, environment, buffer.baseAddress, buffer.count,
          request.parentDeathSignal, request.ownProcessGroup ? 1 : 0, directory, &pid)
      }
    }
    guard code == 0 else {
      throw SystemCallError("spawn", Errno(rawValue: code), subject: request.path)
    }
    let descriptor: CInt
    do {
      let child = pid
      descriptor = try systemCall("pidfd_open") { ktstr_pidfd_open(child) }
    } catch {
      _ = Glibc.kill(pid, SIGKILL)
      _ = waitpid(pid, nil, 0)
      throw error
    }
    self.pid = pid
    self.pidDescriptor = OwnedDescriptor(owning: descriptor)
    self.ownsGroup = request.ownProcessGroup
  }

  deinit {
    guard status == nil else { return }
    _ = Glibc.kill(ownsGroup ? -pid : pid, SIGKILL)
    _ = waitpid(pid, nil, 0)
  }

  /// Sends a signal to the process, or to its whole group where it leads one; a dead one is no error.
  package func signal(_ number: CInt) {
    guard status == nil else { return }
    _ = Glibc.kill(ownsGroup ? -pid : pid, number)
  }

  /// How it ended, or nil while it runs.
  ///
  /// - Throws: ``SystemCallError`` from `waitpid`.
  package mutating func poll() throws(SystemCallError) -> ExitStatus? {
    if let status { return status }
    var raw: CInt = 0
    let pid = self.pid
    let result = try systemCall("waitpid") { unsafe waitpid(pid, &raw, WNOHANG) }
    guard result == pid else { return nil }
    let ended = ExitStatus(waitStatus: raw)
    status = ended
    return ended
  }

  /// Waits until it ends or the deadline passes; nil means the deadline passed.
  ///
  /// - Throws: ``SystemCallError`` from `poll` or `waitpid`.
  package mutating func wait(
    until deadline: MonotonicTime
  ) throws(SystemCallError) -> ExitStatus? {
    while true {
      if let status = try poll() { return status }
      let now = MonotonicTime.now()
      guard now < deadline else { return nil }
      _ = try Poll.wait(
        readable: pidDescriptor.raw, timeoutNanoseconds: deadline.nanoseconds(since: now))
    }
  }

  /// Kills it, with its group where it leads one, and reaps it.
  ///
  /// - Throws: ``SystemCallError`` from `waitpid`.
  package mutating func kill() throws(SystemCallError) -> ExitStatus {
    if let status { return status }
    signal(SIGKILL)
    var raw: CInt = 0
    let pid = self.pid
    // SIGKILL cannot be refused, so this wait ends as soon as the kernel lets go of the process.
    try systemCall("waitpid") { unsafe waitpid(pid, &raw, 0) }
    let ended = ExitStatus(waitStatus: raw)
    status = ended
    return ended
  }
}

/// The NULL-terminated vectors that exec takes.
private enum ProcessVectors {
  static func withVectors<Result>(
    of request: ProcessRequest,
    _ body: (
      UnsafePointer<UnsafeMutablePointer<CChar>?>, UnsafePointer<UnsafeMutablePointer<CChar>?>,
      UnsafePointer<CChar>?
    ) -> Result
  ) -> Result {
    let arguments = unsafe vector([request.path] + request.arguments)
    defer { unsafe free(arguments) }
    let environment = unsafe vector(request.environment ?? currentEnvironment())
    defer { unsafe free(environment) }
    if let directory = request.workingDirectory {
      return unsafe directory.withCString { unsafe body(arguments, environment, $0) }
    }
    return unsafe body(arguments, environment, nil)
  }

  private static func vector(_ strings: [String]) -> UnsafeMutablePointer<
    UnsafeMutablePointer<CChar>?
  > {
    let vector = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
      capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { unsafe vector[index] = strdup(string) }
    unsafe vector[strings.count] = nil
    return unsafe vector
  }

  private static func free(_ vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) {
    var index = 0
    while let string = unsafe vector[index] {
      unsafe Glibc.free(string)
      index += 1
    }
    unsafe vector.deallocate()
  }

  private static func currentEnvironment() -> [String] {
    var result: [String] = []
    var cursor: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = unsafe environ
    while let entry = unsafe cursor.pointee {
      unsafe result.append(String(cString: entry))
      unsafe cursor += 1
    }
    return result
  }
}
