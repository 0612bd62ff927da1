import Foundation
import HostOS
import Testing

/// Schedulers and payloads in real guests; needs `make schedulers`.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct SchedulerTests {
  private let scratch = Scratch()
  private static let kernel = ["--kernel", "6.18"]
  private static let objects = KtstrProcess.root + "/.build/schedulers"

  /// Runs a scenario with these members besides the usual ones.
  private func run(
    _ members: String, duration: String = "3s", expect: String = "{}",
    options: [String] = Self.kernel, environment: [String: String] = [:]
  ) throws -> Invocation {
    let file = try scratch.write(
      """
      {"ktstr": 1, "name": "made", "machine": {"cpus": 2, "memory": "512MiB"},
       "work": [{"name": "light", "type": "bursty", "workers": 2},
                {"name": "spin", "type": "spin", "workers": 2}],
       "duration": "\(duration)", "expect": \(expect),
       \(members)}
      """, to: "made.json")
    return try Invocation.test([file], options: options, in: scratch, environment: environment)
  }

  private func text(_ file: String, of run: Invocation.Report.Run) -> String {
    let bytes = (try? Files.read(run.directory + "/" + file, limit: 1 << 24)) ?? []
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `a working scheduler stays attached, and stopping it is no crash`() throws {
    let invocation = try run(#""scheduler": {"object": "\#(Self.objects)/fifo.bpf.o"}"#)
    let run = try invocation.run()
    #expect(Invocation.failures(of: run) == [])
    #expect(run.verdict.checks.contains { $0.id == "scheduler.attached" && $0.status == "pass" })
    #expect(text("scheduler.log", of: run).contains("ktstr-scx: attached fifo\n"))
    #expect(text("scheduler.log", of: run).contains("unregistered from user space"))
    let names = try Files.entries(of: run.directory)
    #expect(!names.contains { $0.hasSuffix(".cpio") || $0 == "scheduler-dump.txt" })
    #expect(invocation.status == .exited(0))
  }

  @Test func `a task that is never run again is named by the watchdog`() throws {
    let invocation = try run(
      #"""
      "scheduler": {"object": "\#(Self.objects)/stuck_task.bpf.o",
                    "settings": {"victim": "light", "ops.timeout_ms": 2000}}
      """#, duration: "6s")
    let run = try invocation.run()
    let failure = Invocation.failures(of: run).first { $0.hasPrefix("scheduler.attached") }
    #expect(failure?.contains("s into the work (runnable task stall, kind 1026: light.") == true)
    #expect(failure?.contains("failed to run for") == true)
    // It is seen while the work goes on, not when the program's end is asked for.
    #expect(failure?.contains("out after the work") == false)
    #expect(failure?.contains("scheduler-dump.txt") == true)
    #expect(text("scheduler-dump.txt", of: run).contains("triggered exit kind 1026"))
    #expect(text("scheduler.log", of: run).contains("runnable task stall"))
    #expect(run.verdict.status == "fail")
  }

  @Test func `an object that cannot be loaded fails with the loader's words`() throws {
    let invocation = try run(
      #""scheduler": {"object": "\#(Self.objects)/fifo.bpf.o", "settings": {"nothing": 1}}"#)
    let run = try invocation.run()
    let failure = Invocation.failures(of: run).first { $0.hasPrefix("scheduler.attached") }
    #expect(failure?.contains("fifo was not attached: its program exited with status 64") == true)
    #expect(run.verdict.status == "fail")
  }

  @Test func `a program that is no scheduler ends before anything is attached`() throws {
    let invocation = try run(
      #""scheduler": {"program": "sh", "arguments": ["-c", "echo no such luck >&2; exit 3"]}"#)
    let run = try invocation.run()
    let failure = Invocation.failures(of: run).first { $0.hasPrefix("scheduler.attached") }
    #expect(failure?.contains("sh was not attached: its program exited with status 3") == true)
    #expect(text("scheduler.log", of: run).contains("no such luck"))
  }

  @Test func `a scheduler's own program is run with its libraries and files`() throws {
    // Any program may attach a scheduler; here a script has the loader do it.
    let script = try scratch.write(
      "#!/bin/sh\nexec /opt/loader run /opt/vtime.bpf.o slice_ns=1000000\n", to: "scx_made")
    try systemCall("chmod") { chmod(script, 0o755) }
    let invocation = try run(
      #"""
      "scheduler": {"program": "./scx_made", "files": [
        "\#(Self.objects)/ktstr-scx:/opt/loader", "\#(Self.objects)/vtime.bpf.o:/opt/vtime.bpf.o"]}
      """#)
    let run = try invocation.run()
    #expect(Invocation.failures(of: run) == [])
    #expect(text("scheduler.log", of: run).contains("ktstr-scx: attached vtime\n"))
  }

  @Test func `a scheduler that does not go is taken off by force`() throws {
    // The loader is stopped, so it hears of nothing any more.
    let script = try scratch.write(
      """
      #!/bin/sh
      trap '' TERM
      /opt/loader run /opt/fifo.bpf.o &
      until read -r s </sys/kernel/sched_ext/state && [ "$s" = enabled ]; do sleep 0.1; done
      sleep 1
      kill -STOP $!
      while :; do sleep 1; done

      """, to: "scx_stays")
    try systemCall("chmod") { chmod(script, 0o755) }
    let invocation = try run(
      #"""
      "scheduler": {"program": "./scx_stays", "files": ["/bin/sleep",
        "\#(Self.objects)/ktstr-scx:/opt/loader", "\#(Self.objects)/fifo.bpf.o:/opt/fifo.bpf.o"]}
      """#)
    let run = try invocation.run()
    #expect(Invocation.failures(of: run) == [])
    let check = run.verdict.checks.first { $0.id == "scheduler.attached" }
    #expect(check?.detail.hasSuffix("and had to be killed to go") == true)
  }

  @Test func `a kernel without sched_ext is no place for a scheduler, and the run is skipped`()
    throws
  {
    let invocation = try run(
      #""scheduler": {"object": "nowhere.bpf.o"}"#, options: ["--kernel", "6.1"])
    let run = try invocation.run()
    #expect(run.verdict.status == "skipped")
    #expect(run.verdict.headline.contains("built without it (CONFIG_SCHED_CLASS_EXT)"))
    #expect(!(try Files.entries(of: run.directory)).contains("console.log"))
  }

  @Test func `a missing object or loader is refused with its place and the way to it`() throws {
    let object = try run(#""scheduler": {"object": "nowhere.bpf.o"}"#)
    #expect(object.status == .exited(64))
    #expect(object.errors.contains("made.json:5:"))
    #expect(
      object.errors.contains("scheduler.object: \(scratch.path)/nowhere.bpf.o does not exist"))
    #expect(object.errors.contains("`make schedulers`"))
    let loader = try run(
      #""scheduler": {"object": "\#(Self.objects)/fifo.bpf.o"}"#,
      environment: ["KTSTR_SCX": "/nowhere/ktstr-scx"])
    #expect(
      loader.errors.contains("the loader ktstr-scx is missing (looked at /nowhere/ktstr-scx)"))
  }

  @Test func `programs run beside the work, and their numbers are judged`() throws {
    let script = try scratch.write(
      """
      #!/bin/sh
      echo '{"a": {"b": [41, 42]}}'
      echo "group $(sed 's/.*://' /proc/self/cgroup)" >&2
      echo "{\\"argument\\": $1}" >/tmp/out.json
      exit 7
      """, to: "tool")
    try systemCall("chmod") { chmod(script, 0o755) }
    let invocation = try run(
      #"""
      "cgroups": [{"name": "a"}],
      "payload": [
        {"name": "tool", "program": "./tool", "arguments": ["12.5"], "cgroup": "a",
         "files": ["/bin/sed"],
         "metrics": [{"name": "m", "pointer": "/a/b/1"},
                     {"name": "f", "pointer": "/argument", "from": "file:/tmp/out.json"},
                     {"name": "none", "pointer": "/a/c"}]},
        {"name": "limited", "program": "sleep", "arguments": ["100"], "limit": "500ms"},
        {"name": "endless", "program": "sleep", "arguments": ["100"]}]
      """#,
      expect: #"""
        {"payload": [{"name": "tool", "status": 7}, {"name": "tool", "metric": "m", "min": 42, "max": 42},
          {"name": "tool", "metric": "f", "min": 12, "max": 12.4},
          {"name": "tool", "metric": "none", "min": 0},
          {"name": "endless", "status": 0}]}
        """#)
    let run = try invocation.run()
    #expect(
      Invocation.failures(of: run) == [
        "payload.metric: f of tool is 12.5, expected is at most 12.4",
        "payload.metric: the output of tool has nothing at /a/c",
        "payload.status: endless had to be told to end when the work was over (it was ended by "
          + "signal 15); expected is that it ends by itself with status 0",
      ])
    #expect(text("payload-tool.out", of: run) == "{\"a\": {\"b\": [41, 42]}}\n")
    #expect(text("payload-tool.err", of: run) == "group /ktstr/a\n")
    let limited = run.verdict.checks.first { $0.detail.hasPrefix("limited") }
    #expect(limited?.status == "pass")
    #expect(limited?.detail.contains("when its limit was over, as planned") == true)
  }
}
