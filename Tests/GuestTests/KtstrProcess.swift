import Foundation
import Glibc
import HostOS
import SystemPackage
import Testing

/// One invocation of the real `ktstr`, with its output collected as it comes.
///
/// Every process that comes of it carries a mark in its environment, by which what is left of a
/// killed run can be found.
final class KtstrProcess {
  let mark = "KTSTR_TEST_MARK=\(UUID().uuidString)"
  private var child: ChildProcess
  private let outputPipe: OwnedDescriptor
  private let errorPipe: OwnedDescriptor
  private(set) var output = ""
  private(set) var allErrors = ""
  /// What it wrote to standard error, but that the software CPU's fault cost a second boot, which can
  /// happen to any guest here.
  var errors: String {
    allErrors.split(separator: "\n", omittingEmptySubsequences: false)
      .filter {
        !($0.hasPrefix("ktstr: the engine's software CPU") && $0.hasSuffix("; trying again"))
      }
      .joined(separator: "\n")
  }

  /// Path of the binary under test.
  static var binary: String {
    ProcessInfo.processInfo.environment["KTSTR_BINARY"] ?? root + "/.build/release/ktstr"
  }

  /// The checkout.
  static let root: String = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  init(
    _ arguments: [String], environment changes: [String: String] = [:],
    directory: String = KtstrProcess.root, launcher: [String] = [], input: CInt? = nil
  ) throws {
    var environment = ProcessInfo.processInfo.environment
    for (name, value) in changes { environment[name] = value }
    var outputEnds: [CInt] = [-1, -1]
    var errorEnds: [CInt] = [-1, -1]
    try systemCall("pipe") { pipe(&outputEnds) }
    try systemCall("pipe") { pipe(&errorEnds) }
    let line = launcher + [Self.binary] + arguments
    var request = ProcessRequest(path: line[0], arguments: Array(line.dropFirst()))
    request.environment = environment.map { "\($0)=\($1)" } + [mark]
    request.workingDirectory = directory
    request.descriptors = [.init(outputEnds[1], to: 1), .init(errorEnds[1], to: 2)]
    if let input { request.descriptors.append(.init(input, to: 0)) }
    // Tests run on threads that come and go, and the signal would follow those.
    request.parentDeathSignal = 0
    child = try ChildProcess(spawning: request)
    close(outputEnds[1])
    close(errorEnds[1])
    outputPipe = OwnedDescriptor(owning: outputEnds[0])
    errorPipe = OwnedDescriptor(owning: errorEnds[0])
  }

  /// Reads on until the output contains the text; false when it ended or took too long.
  func awaitOutput(_ text: String, seconds: UInt64 = 60) throws -> Bool {
    try collect(until: deadline(seconds)) { self.output.contains(text) }
    return output.contains(text)
  }

  /// Waits for the end; nil when it takes too long (it is killed then).
  func finish(seconds: UInt64 = 150) throws -> HostOS.ExitStatus? {
    let limit = deadline(seconds)
    try collect(until: limit) { false }
    if let status = try child.wait(until: limit) { return status }
    _ = try child.kill()
    return nil
  }

  /// Expects something to take less than two seconds, with up to two more tries for a host that
  /// stood still.
  ///
  /// - Parameter measure: does it, and tells its nanoseconds.
  static func expectWithinTwoSeconds(_ measure: () throws -> UInt64) rethrows {
    var took: [UInt64] = []
    repeat {
      took.append(try measure())
    } while took[took.count - 1] >= 2_000_000_000
      && took.count < 3
    #expect(took[took.count - 1] < 2_000_000_000, "\(took)")
  }

  func send(_ signal: CInt) {
    // To the process alone, as `kill PID` does, not to its group.
    _ = kill(child.pid, signal)
  }

  /// Command lines of all living processes that came of this one.
  func descendants() -> [String] {
    family().map(\.line)
  }

  /// Process ids of the descendants whose command lines contain a text.
  func processes(with text: String) -> [pid_t] {
    family().filter { $0.line.contains(text) }.map(\.pid)
  }

  private func family() -> [(pid: pid_t, line: String)] {
    let names = (try? Files.entries(of: "/proc")) ?? []
    return names.compactMap { name in
      guard let pid = pid_t(name),
        let environment = try? Files.read("/proc/\(name)/environ", limit: 1 << 20),
        String(decoding: environment, as: UTF8.self).contains(mark),
        let line = try? Files.read("/proc/\(name)/cmdline", limit: 1 << 20), !line.isEmpty
      else { return nil }
      return (pid, String(decoding: line.map { $0 == 0 ? 32 : $0 }, as: UTF8.self))
    }
  }

  private func deadline(_ seconds: UInt64) -> MonotonicTime {
    .now().advanced(byNanoseconds: seconds * 1_000_000_000)
  }

  private func collect(until deadline: MonotonicTime, _ isEnough: () -> Bool) throws {
    var open = (true, true)
    while open.0 || open.1, !isEnough() {
      let now = MonotonicTime.now()
      guard now < deadline else { return }
      let ready = try Poll.wait(
        readable: [open.0 ? outputPipe.raw : -1, open.1 ? errorPipe.raw : -1],
        timeoutNanoseconds: deadline.nanoseconds(since: now))
      if !ready[0].isEmpty {
        let bytes = try DescriptorIO.readSome(outputPipe.raw, subject: "output")
        if bytes.isEmpty { open.0 = false }
        output += String(decoding: bytes, as: UTF8.self)
      }
      if !ready[1].isEmpty {
        let bytes = try DescriptorIO.readSome(errorPipe.raw, subject: "errors")
        if bytes.isEmpty { open.1 = false }
        allErrors += String(decoding: bytes, as: UTF8.self)
      }
    }
  }
}

/// A directory of a test's own, removed with its content when the test is done with it.
final class Scratch {
  let path: String

  init() {
    var template = Array("/tmp/ktstr-guest-test-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
  }

  deinit {
    try? Files.removeTree(path)
  }

  func write(_ text: String, to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Files.write(Array(text.utf8), to: file)
    return file
  }
}
