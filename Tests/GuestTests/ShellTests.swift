import Glibc
import HostOS
import Testing

/// The interactive guest, with a person, a pipe or nobody before it.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct ShellTests {
  private static let prompt = "guest / # "
  private let scratch = Scratch()

  /// Runs a shell whose standard input is a file with these bytes.
  private func shell(
    _ input: String, options: [String] = []
  ) throws -> (status: HostOS.ExitStatus?, output: String, errors: String) {
    let file = try Files.open(try scratch.write(input, to: "input"), O_RDONLY)
    let process = try KtstrProcess(["shell"] + options, input: file.raw)
    return (try process.finish(seconds: 120), process.output, process.errors)
  }

  /// Whether every process of an invocation is gone within two seconds.
  private func allGone(_ process: KtstrProcess) -> Bool {
    for _ in 0..<100 {
      if process.descendants().isEmpty { return true }
      usleep(20_000)
    }
    return false
  }

  @Test func `commands of a pipe run in the guest, and their end is its end`() throws {
    var ends: [CInt] = [-1, -1]
    try systemCall("pipe") { pipe(&ends) }
    let reading = OwnedDescriptor(owning: ends[0])
    let writing = OwnedDescriptor(owning: ends[1])
    try systemCall("fcntl") { fcntl(ends[1], F_SETFD, FD_CLOEXEC) }
    let process = try KtstrProcess(["shell", "--cpus", "3"], input: reading.raw)
    try DescriptorIO.write(
      Array("uname -r; echo cpus=$(nproc)\n".utf8), to: writing.raw, subject: "the pipe")
    writing.close()
    #expect(try process.finish(seconds: 90) == .exited(0), "\(process.errors)\(process.output)")
    #expect(process.output.contains("\r\ncpus=3\r\n"), "\(process.output)")
    // The kernel that was said to be booted is the one that answered.
    let line = try #require(process.errors.split(separator: "\n").first)
    let kernel = try #require(line.split(separator: " ").dropFirst(2).first?.dropLast())
    let release = try KernelCache.release(in: "\(KernelCache.directory)/\(kernel)")
    #expect(process.output.contains("\r\n\(release)\r\n"), "\(process.output)")
  }

  @Test func `a last line without an end, and a program that takes Ctrl-D, do not keep it`() throws
  {
    let result = try shell("cat > /tmp/f; wc -c < /tmp/f\nabc\ndef")
    #expect(result.status == .exited(0), "\(result.errors)\(result.output)")
    // Eight bytes of ours. On a slow host Ctrl-D may still be typed ahead of the program that reads
    // it, to which it then is a byte like any other.
    let counted = ["\r\n8\r\n", "\r\n9\r\n"].contains { result.output.contains($0) }
    #expect(counted, "\(result.output)")
  }

  @Test func `without any input it ends by itself`() throws {
    let process = try KtstrProcess(["shell"])
    #expect(try process.finish(seconds: 60) == .exited(0), "\(process.errors)\(process.output)")
    #expect(process.output.contains(Self.prompt))
  }

  @Test func `a large paste neither kills nor hangs the guest, and none of it is lost`() throws {
    let lines = (0..<7000).map { "n=$((n+1)) # pasted line \($0) of a paste that is large\n" }
    let result = try shell(lines.joined() + "echo pasted=$n\n")
    #expect(result.status == .exited(0), "\(result.errors)\(result.output.suffix(500))")
    #expect(result.output.contains("\r\npasted=7000\r\n"), "\(result.output.suffix(500))")
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT])
  func `a signal restores the terminal and exits with 130`(signal: CInt) throws {
    let terminal = try Terminal()
    let before = try terminal.modeBytes()
    let process = try KtstrProcess(["shell"], input: terminal.program.raw)
    try #require(try process.awaitOutput(Self.prompt), "\(process.errors)\(process.output)")
    #expect(try !terminal.isCooked())
    process.send(signal)
    #expect(try process.finish(seconds: 10) == .exited(130), "\(process.errors)")
    #expect(try terminal.modeBytes() == before)
    #expect(try terminal.isCooked())
    #expect(allGone(process))
  }

  @Test func `keys reach the shell; after exit the terminal is restored, whatever is typed`() throws
  {
    let terminal = try Terminal()
    let before = try terminal.modeBytes()
    let process = try KtstrProcess(["shell"], input: terminal.program.raw)
    try #require(try process.awaitOutput(Self.prompt), "\(process.errors)\(process.output)")
    try terminal.type("echo $((6*7))\r")
    #expect(try process.awaitOutput("\r\n42\r\n"))
    try terminal.type("exit\r")
    // Somebody types on while the guest powers off and its console closes.
    var ended = false
    for _ in 0..<1500 where !ended {
      try terminal.type("x")
      usleep(5000)
      ended = process.descendants().isEmpty
    }
    #expect(try process.finish(seconds: 20) == .exited(0), "\(process.errors)\(process.output)")
    #expect(try terminal.modeBytes() == before)
  }

  @Test func `Ctrl-] leaves at once`() throws {
    let terminal = try Terminal()
    let before = try terminal.modeBytes()
    let process = try KtstrProcess(["shell"], input: terminal.program.raw)
    try #require(try process.awaitOutput(Self.prompt), "\(process.errors)\(process.output)")
    try terminal.type("\u{1d}")
    #expect(try process.finish(seconds: 5) == .exited(0), "\(process.errors)")
    #expect(try terminal.modeBytes() == before)
    #expect(allGone(process))
  }

  @Test func `SIGTERM is heard while nobody reads the output`() throws {
    let terminal = try Terminal()
    let process = try KtstrProcess(["shell"], input: terminal.program.raw)
    try #require(try process.awaitOutput(Self.prompt), "\(process.errors)\(process.output)")
    try terminal.type("yes\r")
    // The guest fills the pipe, and then the relay.
    sleep(10)
    process.send(SIGTERM)
    #expect(allGone(process))
    #expect(try terminal.isCooked())
    #expect(try process.finish(seconds: 5) == .exited(130))
  }

  @Test func `a guest that panics is an error, told in one line`() throws {
    let result = try shell("echo c > /proc/sysrq-trigger\n")
    #expect(result.status == .exited(3))
    let last = try #require(result.errors.split(separator: "\n").last)
    #expect(
      last.hasPrefix("ktstr: the guest's kernel panicked: ") && last.contains("sysrq"), "\(last)")
    #expect(result.errors.split(separator: "\n").count == 2, "\(result.errors)")
  }

  @Test func `an engine that cannot start is an error, told in one line`() throws {
    let result = try shell("", options: ["--memory", "1048576"])
    #expect(result.status == .exited(3))
    let lines = result.errors.split(separator: "\n")
    #expect(lines.count == 2 && lines[1].hasPrefix("ktstr: the engine failed: QEMU "), "\(lines)")
  }
}
