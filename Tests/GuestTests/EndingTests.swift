import Glibc
import HostOS
import Testing

@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct EndingTests {
  private let scratch = Scratch()

  private func start(
    _ extra: [String] = [], environment: [String: String] = [:]
  ) throws -> KtstrProcess {
    try KtstrProcess(
      ["test", "Scenarios/smoke.json", "--verbose", "--output", "\(scratch.path)/results"] + extra,
      environment: environment)
  }

  /// Waits a while for every process of an invocation to be gone; those that are left.
  private func remains(of process: KtstrProcess) -> [String] {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    var left = process.descendants()
    while !left.isEmpty, MonotonicTime.now() < deadline {
      usleep(20_000)
      left = process.descendants()
    }
    return left
  }

  @Test(arguments: ["booting", "setting up", "running", "collecting reports"])
  func `SIGKILL of the supervisor leaves no process, socket or file behind`(phase: String) throws {
    let temporary = "\(scratch.path)/tmp"
    try Files.makeDirectories(temporary)
    // A fault of the software CPU, which any guest can meet, begins the run anew, and the last phase
    // is over at once: then once more.
    for attempt in 1...3 {
      let process = try start(environment: ["TMPDIR": temporary])
      try #require(try process.awaitOutput(phase), "\(process.output)\(process.errors)")
      if phase == "running" { usleep(500_000) }
      process.send(SIGKILL)
      #expect(remains(of: process) == [])
      let status = try process.finish(seconds: 5)
      let isAnew = (process.output + process.errors).contains("engine fault")
      guard isAnew || status == .exited(0), attempt < 3 else {
        #expect(status == .signaled(SIGKILL))
        break
      }
      try Files.removeTree("\(scratch.path)/results")
    }
    #expect(try Files.entries(of: temporary) == [])
    let sockets = String(
      decoding: try Files.read("/proc/net/unix", limit: 1 << 24), as: UTF8.self)
    #expect(!sockets.contains(scratch.path))
    // What it had learned so far is there.
    let run = try #require(try Files.entries(of: "\(scratch.path)/results").first)
    let names = try Files.entries(of: "\(scratch.path)/results/\(run)")
    let shortID = try #require(run.split(separator: "-").last)
    for place in ["/tmp", "/dev/shm", "/run", "/var/tmp"] {
      let left = ((try? Files.entries(of: place)) ?? []).filter { $0.contains(shortID) }
      #expect(left == [], "in \(place)")
    }
    #expect(names.contains("run.json") && names.contains("timeline.jsonl"))
    #expect(!names.contains("verdict.json"))
  }

  @Test func `Ctrl-C stops within two seconds, says what it kept, and exits with 130`() throws {
    try KtstrProcess.expectWithinTwoSeconds {
      let process = try start()
      try #require(try process.awaitOutput("running"), "\(process.output)\(process.errors)")
      let began = MonotonicTime.now()
      process.send(SIGINT)
      #expect(try process.finish(seconds: 10) == .exited(130))
      let took = MonotonicTime.now().nanoseconds(since: began)
      #expect(process.errors.contains("interrupted; what there was is kept in \(scratch.path)"))
      #expect(remains(of: process) == [])
      return took
    }
  }

  @Test func `an engine that dies is an error of the harness, not of the guest`() throws {
    let process = try start(["--format", "json"])
    #expect(signalEngine(of: process, SIGKILL))
    #expect(try process.finish(seconds: 60) == .exited(3))
    #expect(process.output.contains("the engine failed: QEMU killed by signal 9"))
  }

  @Test func `a guest that stands still ends at the timeout, and is told as hung`() throws {
    let process = try KtstrProcess([
      "test", "Scenarios/smoke.json", "--verbose", "--timeout", "40s", "--output",
      "\(scratch.path)/results",
    ])
    try #require(try process.awaitOutput("running"), "\(process.output)\(process.errors)")
    #expect(signalEngine(of: process, SIGSTOP))
    #expect(try process.finish(seconds: 70) == .exited(1))
    #expect(process.output.contains("the guest hung"), "\(process.output)")
    #expect(remains(of: process) == [])
  }

  @Test func `a guest that never comes to its work is inconclusive`() throws {
    let process = try KtstrProcess([
      "test", "Scenarios/smoke.json", "--timeout", "3001ms", "--output",
      "\(scratch.path)/results",
    ])
    try #require(try process.awaitOutput("start"))
    // Stopped while it boots, so that no fast host spoils the test.
    #expect(signalEngine(of: process, SIGSTOP))
    #expect(try process.finish(seconds: 40) == .exited(2))
    #expect(process.output.contains("the work never started"), "\(process.output)")
  }

  @Test func `a guest larger than the host is skipped, which is no success`() throws {
    let scenario = try scratch.write(
      """
      {"ktstr": 1, "name": "huge", "duration": "1s",
       "machine": {"cpus": 1, "memory": "250GiB"},
       "work": [{"name": "spin", "type": "spin"}]}
      """, to: "huge.json")
    let invocation = try Invocation.test([scenario], in: scratch)
    #expect(invocation.status == .exited(4))
    let run = try invocation.run()
    #expect(run.verdict.status == "skipped")
    #expect(run.verdict.headline.contains("the guest asks for 256000 MiB"))
    #expect(try Files.entries(of: run.directory).contains("verdict.json"))
  }

  /// Signals the only QEMU among the processes of an invocation, once there is one.
  private func signalEngine(of process: KtstrProcess, _ signal: CInt) -> Bool {
    for _ in 0..<400 {
      for name in (try? Files.entries(of: "/proc")) ?? [] {
        guard let pid = pid_t(name),
          let environment = try? Files.read("/proc/\(name)/environ", limit: 1 << 20),
          String(decoding: environment, as: UTF8.self).contains(process.mark),
          let line = try? Files.read("/proc/\(name)/cmdline", limit: 1 << 20),
          String(decoding: line, as: UTF8.self).contains("memory-backend-memfd")
        else { continue }
        return kill(pid, signal) == 0
      }
      usleep(25_000)
    }
    return false
  }

  @Test func `a guest whose init dies is told with the panic's text, at once`() throws {
    let broken = try scratch.write("#!/bin/nothing\n", to: "init")
    _ = chmod(broken, 0o755)
    let process = try KtstrProcess(
      ["test", "Scenarios/smoke.json", "--output", "\(scratch.path)/results"],
      environment: ["KTSTR_GUEST_INIT": broken])
    let began = MonotonicTime.now()
    #expect(try process.finish() == .exited(3))
    #expect(MonotonicTime.now().nanoseconds(since: began) < 30_000_000_000)
    #expect(process.output.contains("the guest's init died"), "\(process.output)")
    #expect(process.output.contains("Kernel panic - not syncing"), "\(process.output)")
  }
}
