import Glibc
import HostOS
import SystemPackage
import Testing

@Suite struct ToolRunnerTests {
  private func shell(_ script: String) -> ToolRequest {
    ToolRequest("sh", ["-c", script])
  }

  @Test func `output and errors are kept apart`() throws {
    let result = try ToolRunner.run(shell("echo out; echo err >&2"))
    #expect(result.text == "out\n")
    #expect(result.errors == "err\n")
  }

  @Test func `a megabyte on both pipes at once does not lock up`() throws {
    let flood = "head -c 1000000 /dev/zero"
    let result = try ToolRunner.run(shell("\(flood) >&2 & \(flood); wait"))
    #expect(result.output.count == 1_000_000)
  }

  @Test func `failure names the tool, its status and its last words`() {
    #expect(
      throws: ToolError.failed(tool: "sh", status: .exited(7), lastWords: "the end")
    ) { try ToolRunner.run(shell("echo start >&2; echo the end >&2; exit 7")) }
  }

  @Test func `apt's first error line goes before what follows it`() {
    #expect(
      throws: ToolError.failed(tool: "sh", status: .exited(1), lastWords: "E: the cause")
    ) { try ToolRunner.run(shell("echo 'E: the cause' >&2; echo 'N: chatter' >&2; exit 1")) }
  }

  @Test func `a tool that is not there is named`() {
    #expect(throws: ToolError.notFound(tool: "ktstr-no-such-tool")) {
      try ToolRunner.run(ToolRequest("ktstr-no-such-tool", []))
    }
  }

  @Test func `a tool that takes too long is killed and its last words kept`() {
    var request = shell("echo waiting >&2; exec sleep 60")
    request.timeLimitNanoseconds = 3_000_000_000
    let start = MonotonicTime.now()
    #expect(
      throws: ToolError.timedOut(
        tool: "sh", limitNanoseconds: 3_000_000_000, lastWords: "waiting")
    ) { try ToolRunner.run(request) }
    #expect(MonotonicTime.now().nanoseconds(since: start) < 10_000_000_000)
  }

  @Test func `a tool that writes without end is stopped`() {
    var request = shell("cat /dev/zero")
    request.standardOutput = .captured(limit: 100_000)
    #expect(throws: ToolError.tooMuchOutput(tool: "sh", limit: 100_000)) {
      try ToolRunner.run(request)
    }
  }

  @Test func `a file that grows without end is stopped`() throws {
    let directory = try TemporaryDirectory()
    var request = shell("cat /dev/zero")
    request.standardOutput = .file(
      path: directory.path.appending("out").string, limit: 1_000_000)
    #expect(throws: ToolError.tooMuchOutput(tool: "sh", limit: 1_000_000)) {
      try ToolRunner.run(request)
    }
  }

  @Test func `a grandchild that keeps the pipe does not keep us`() throws {
    let start = MonotonicTime.now()
    let result = try ToolRunner.run(shell("sleep 20 & echo done"))
    #expect(result.text == "done\n")
    #expect(MonotonicTime.now().nanoseconds(since: start) < 10_000_000_000)
  }

  @Test func `standard input, directory and environment are as asked`() throws {
    let directory = try TemporaryDirectory()
    var request = shell("pwd; echo $LC_ALL $KTSTR_TEST; cat")
    request.workingDirectory = directory.path.string
    request.environment["KTSTR_TEST"] = "yes"
    request.standardInput = try directory.write("in", "given\n").string
    #expect(try ToolRunner.run(request).text == "\(directory.path)\nC yes\ngiven\n")
  }
}

@Suite struct FileLockTests {
  private func soon() -> MonotonicTime { .now().advanced(byNanoseconds: 100_000_000) }

  @Test func `a lock keeps others out until it goes`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("lock").string
    do {
      let held = try FileLock(path: path, until: soon())
      #expect(try FileLock.ifFree(path: path) == nil)
      var told = 0
      #expect(throws: FileLockError.self) {
        _ = try FileLock(path: path, until: soon(), whenWaiting: { told += 1 })
      }
      #expect(told == 1)
      withExtendedLifetime(held) {}
    }
    #expect(try FileLock.ifFree(path: path) != nil)
  }

  @Test func `the lock of a killed process is free`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("lock").string
    var child = try ChildProcess(
      spawning: ProcessRequest(
        path: "/usr/bin/flock", arguments: [path, "sh", "-c", "echo > \(path).held; sleep 60"]))
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    while try Files.status(of: path + ".held") == nil, MonotonicTime.now() < deadline {
      usleep(5_000)
    }
    #expect(try FileLock.ifFree(path: path) == nil)
    #expect(try child.kill() == .signaled(SIGKILL))
    let lock = try FileLock(
      path: path, until: MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000))
    withExtendedLifetime(lock) {}
  }
}

@Suite struct FilesTests {
  @Test func `a tree is removed with its links, not what they lead to`() throws {
    let directory = try TemporaryDirectory()
    try directory.write("kept/file", "x")
    try directory.write("tree/a/b/c", "x")
    _ = try ToolRunner.run(
      ToolRequest(
        "ln", ["-s", directory.path.appending("kept").string, "\(directory.path)/tree/l"])
    )
    try Files.removeTree(directory.path.appending("tree").string)
    #expect(try names(in: directory.path) == ["kept"])
    #expect(try names(in: directory.path.appending("kept")) == ["file"])
  }

  @Test func `reading is bounded, and files without a size are read whole`() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("f", [UInt8](repeating: 1, count: 1000))
    #expect(try Files.read(file.string, limit: 1000).count == 1000)
    #expect(throws: SystemCallError("read", .fileTooLarge, subject: file.string)) {
      try Files.read(file.string, limit: 999)
    }
    #expect(try !Files.read("/proc/self/status", limit: 1 << 20).isEmpty)
  }
}
