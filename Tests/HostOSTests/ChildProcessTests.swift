import Glibc
import HostOS
import Testing

@Suite struct ChildProcessTests {
  private func deadline(seconds: UInt64 = 10) -> MonotonicTime {
    .now().advanced(byNanoseconds: seconds * 1_000_000_000)
  }

  /// What the pipe holds, waiting no longer than ten seconds for it.
  private func line(from pipe: CInt) throws -> String {
    try #require(try Poll.wait(readable: pipe, timeoutNanoseconds: 10_000_000_000))
    return String(decoding: try DescriptorIO.readSome(pipe, subject: "pipe"), as: UTF8.self)
  }

  private func output(
    of script: String, configure: (inout ProcessRequest) -> Void = { _ in }
  ) throws -> (text: String, status: HostOS.ExitStatus?) {
    var pipe: [CInt] = [-1, -1]
    try systemCall("pipe") { Glibc.pipe(&pipe) }
    let reading = OwnedDescriptor(owning: pipe[0])
    var request = ProcessRequest(path: "/bin/sh", arguments: ["-c", script])
    request.descriptors = [.init(pipe[1], to: 1)]
    configure(&request)
    var child = try ChildProcess(spawning: request)
    close(pipe[1])
    let text = String(
      decoding: try DescriptorIO.readToEnd(reading.raw, subject: "pipe"), as: UTF8.self)
    return (text, try child.wait(until: deadline()))
  }

  @Test func `arguments, environment and directory arrive`() throws {
    let result = try output(of: #"echo "$0 $GREETING $(pwd)"; exit 7"#) {
      $0.environment = ["GREETING=hello", "PATH=/usr/bin:/bin"]
      $0.workingDirectory = "/usr"
    }
    #expect(result.text == "/bin/sh hello /usr\n")
    #expect(result.status == .exited(7))
  }

  @Test func `no descriptor but the mapped ones is inherited`() throws {
    let stray = open("/dev/null", O_RDONLY)
    defer { close(stray) }
    let result = try output(of: "ls /proc/self/fd")
    // 0-2, and the one that ls itself has open on the directory.
    #expect(result.text == "0\n1\n2\n3\n")
  }

  @Test func `descriptors can trade numbers`() throws {
    var first: [CInt] = [-1, -1]
    var second: [CInt] = [-1, -1]
    try systemCall("pipe") { Glibc.pipe(&first) }
    try systemCall("pipe") { Glibc.pipe(&second) }
    defer { for fd in first + second { close(fd) } }
    var request = ProcessRequest(
      path: "/bin/sh",
      arguments: ["-c", "echo a >/proc/self/fd/\(second[1]); echo b >/proc/self/fd/\(first[1])"])
    request.descriptors = [.init(first[1], to: second[1]), .init(second[1], to: first[1])]
    var child = try ChildProcess(spawning: request)
    #expect(try child.wait(until: deadline()) == .exited(0))
    #expect(try line(from: first[0]) == "a\n")
    #expect(try line(from: second[0]) == "b\n")
  }

  @Test func `a program that does not exist is an error at once`() throws {
    let error = #expect(throws: SystemCallError.self) {
      _ = try ChildProcess(spawning: ProcessRequest(path: "/no/such/program", arguments: []))
    }
    #expect(error?.description.contains("/no/such/program") == true)
  }

  @Test func `a wait ends at its deadline`() throws {
    var child = try ChildProcess(
      spawning: ProcessRequest(path: "/bin/sleep", arguments: ["60"]))
    #expect(try child.wait(until: .now().advanced(byNanoseconds: 20_000_000)) == nil)
    #expect(try child.kill() == .signaled(SIGKILL))
  }

  @Test func `letting go of a child kills its whole group`() throws {
    var pipe: [CInt] = [-1, -1]
    try systemCall("pipe") { Glibc.pipe(&pipe) }
    let reading = OwnedDescriptor(owning: pipe[0])
    do {
      var request = ProcessRequest(
        path: "/bin/sh", arguments: ["-c", "sleep 60 & sleep 60 & echo ready; wait"])
      request.descriptors = [.init(pipe[1], to: 1)]
      let child = try ChildProcess(spawning: request)
      close(pipe[1])
      #expect(try line(from: reading.raw) == "ready\n")
      _ = child.pid
    }
    // The pipe ends only when every process that held it is gone.
    #expect(try Poll.wait(readable: reading.raw, timeoutNanoseconds: 5_000_000_000))
    #expect(try DescriptorIO.readSome(reading.raw, subject: "pipe").isEmpty)
  }

  @Test func `a child begins with no signal blocked`() throws {
    let result = try output(of: "grep SigBlk /proc/self/status")
    #expect(result.text == "SigBlk:\t0000000000000000\n")
  }
}
