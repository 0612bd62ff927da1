import Glibc
import HostOS
import Testing

/// Programs of the host in guests.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct ExecTests {
  private let scratch = Scratch()

  /// Runs `ktstr exec` with the scratch directory as its own, and no input unless there is some.
  private func exec(
    _ options: [String] = [], _ command: [String], input: CInt? = nil
  ) throws -> KtstrProcess {
    try KtstrProcess(
      ["exec"] + options + ["--"] + command, directory: scratch.path, input: input)
  }

  private func shell(_ script: String, options: [String] = []) throws -> KtstrProcess {
    try exec(options, ["/bin/sh", "-c", script])
  }

  /// Run directories that were kept.
  private var kept: [String] {
    (try? Files.entries(of: "\(scratch.path)/ktstr-results")) ?? []
  }

  private func allGone(_ process: KtstrProcess) -> Bool {
    for _ in 0..<500 {
      if process.descendants().isEmpty { return true }
      usleep(20_000)
    }
    return false
  }

  @Test func `status, output and errors are the program's, and nothing is left`() throws {
    let process = try shell("echo out; echo err >&2; pwd; exit 7")
    #expect(try process.finish() == .exited(7), "\(process.errors)")
    #expect(process.output == "out\n/\n")
    #expect(process.errors == "err\n")
    #expect(try Files.status(of: "\(scratch.path)/ktstr-results") == nil)
  }

  @Test func `a signal's status is 128 and its number`() throws {
    let process = try shell("kill -9 $$")
    #expect(try process.finish() == .exited(137), "\(process.errors)")
    #expect(process.errors == "")
  }

  @Test func `arguments, environment and directory arrive as they are`() throws {
    let process = try exec(
      ["--env", "A=1 2", "--env", "A=x=y", "--workdir", "/a/b", "--cpus", "3"],
      [
        "/bin/sh", "-c",
        "for i; do echo \"[$i]\"; done; echo $A $HOME; pwd; nproc=0; "
          + "while read -r line; do case $line in processor*) nproc=$((nproc+1)); esac; done "
          + "</proc/cpuinfo; echo $nproc", "sh", "", "a b", "--help", "*", "ü",
      ])
    #expect(try process.finish() == .exited(0), "\(process.errors)")
    #expect(process.output == "[]\n[a b]\n[--help]\n[*]\n[ü]\nx=y /root\n/a/b\n3\n")
  }

  @Test func `eight MiB of any bytes arrive exactly, in both directions`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(seed: seed)
    let content = (0..<(8 << 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let name = "\(scratch.path)/content"
    try Files.write(content, to: name)
    let target = "\(scratch.path)/copy"
    let process = try KtstrProcess(
      ["exec", "--", "/bin/cat"], directory: scratch.path,
      launcher: ["/bin/sh", "-c", "\"$0\" \"$@\" <\(name) >\(target)"])
    #expect(try process.finish() == .exited(0), "\(process.errors)")
    #expect(try Files.read(target, limit: 1 << 30) == content, "seed \(seed)")
  }

  @Test func `output and errors keep their order each, whatever the other does`() throws {
    let process = try shell(
      "i=0; while [ $i -lt 3000 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done")
    #expect(try process.finish() == .exited(0))
    #expect(process.output == (0..<3000).map { "o\($0)\n" }.joined())
    #expect(process.errors == (0..<3000).map { "e\($0)\n" }.joined())
  }

  @Test func `output comes as it is written, and a program that waits for input gets it`() throws {
    var ends: [CInt] = [-1, -1]
    try systemCall("pipe") { pipe(&ends) }
    let reading = OwnedDescriptor(owning: ends[0])
    let writing = OwnedDescriptor(owning: ends[1])
    try systemCall("fcntl") { fcntl(ends[1], F_SETFD, FD_CLOEXEC) }
    let process = try exec(
      [], ["/bin/sh", "-c", "echo name; read -r n; echo hello $n; cat"], input: reading.raw)
    #expect(try process.awaitOutput("name\n"), "\(process.errors)")
    try DescriptorIO.write(Array("you\nmore\n".utf8), to: writing.raw, subject: "the pipe")
    #expect(try process.awaitOutput("hello you\n"))
    // `cat` is not there, so the rest is nobody's.
    writing.close()
    #expect(try process.finish() == .exited(127), "\(process.output)")
  }

  @Test func `a fault of the software CPU before the program is seen costs a second boot`() throws {
    // The first guest's console says what a faulty CPU makes of a kernel.
    let qemu = try #require(ExecutableSearch.find("qemu-system-x86_64"))
    let bin = scratch.path + "/bin"
    try Files.makeDirectories(bin)
    try Files.write(
      Array(
        """
        #!/bin/bash
        if mkdir \(scratch.path)/once 2>/dev/null; then
          [[ "$*" =~ id=console,fd=([0-9]+) ]]
          printf '%s\\n' '[ 1.0] Oops: int3: 0000 [#1]' '[ 1.0] Kernel panic - not syncing: made up' \\
            '[ 1.0] ---[ end Kernel panic - not syncing: made up ]---' >&"${BASH_REMATCH[1]}"
        fi
        exec \(qemu) "$@"
        """.utf8), to: "\(bin)/qemu-system-x86_64", mode: 0o755)
    let process = try KtstrProcess(
      ["exec", "--engine", "tcg", "--", "/bin/echo", "once"],
      environment: ["PATH": bin + ":/usr/bin:/bin"], directory: scratch.path)
    #expect(try process.finish() == .exited(0))
    #expect(process.output == "once\n")
    #expect(process.allErrors.contains("[ 1.0] Oops: int3: 0000 [#1]; trying again"))
    #expect(!process.allErrors.contains("made up"))
    #expect(try Files.status(of: scratch.path + "/ktstr-results") == nil)
  }

  @Test func `a reader that goes away ends the program as a pipe does`() throws {
    let process = try KtstrProcess(
      ["exec", "--", "/usr/bin/yes"], directory: scratch.path,
      launcher: ["/bin/bash", "-c", "\"$0\" \"$@\" | head -1; exit ${PIPESTATUS[0]}"])
    #expect(try process.finish() == .exited(128 + SIGPIPE), "\(process.errors)")
    #expect(process.output == "y\n")
  }

  @Test func `a directory is included with modes, links, programs and their libraries`() throws {
    try Files.makeDirectories("\(scratch.path)/d/sub")
    _ = try scratch.write("secret\n", to: "d/sub/data")
    try systemCall("chmod") { chmod("\(scratch.path)/d/sub/data", 0o640) }
    try systemCall("symlink") { symlink("sub/data", "\(scratch.path)/d/link") }
    let process = try shell(
      "cat \(scratch.path)/d/link /opt/e/sub/data; stat -c '%a %F' /opt/e/sub/data /opt/e/link",
      options: [
        "--include", "d", "--include", "d:/opt/e", "--include", "/bin/stat:/usr/bin/stat",
        "--include", "/bin/cat",
      ])
    #expect(try process.finish() == .exited(0), "\(process.errors)")
    #expect(process.output == "secret\nsecret\n640 regular file\n777 symbolic link\n")
  }

  @Test func `a script runs with its interpreter`() throws {
    let script = try scratch.write("#!/usr/bin/env -S sh -e\necho $0 $1\n", to: "script")
    try systemCall("chmod") { chmod(script, 0o755) }
    let process = try exec([], ["./script", "word"])
    #expect(try process.finish() == .exited(0), "\(process.errors)")
    #expect(process.output == "\(script) word\n")
  }

  @Test func `a module is loaded before the program, with what it needs`() throws {
    let process = try shell(
      "read -r a </proc/modules; echo $a", options: ["--module", "dm-crypt"])
    #expect(try process.finish() == .exited(0), "\(process.errors)")
    #expect(process.output.hasPrefix("dm_crypt "), "\(process.output)")
  }

  @Test func `file systems and devices are those that programs expect`() throws {
    let process = try shell(
      """
      for d in /proc/self /sys/kernel /dev/null /dev/pts/ptmx /dev/fd/0 /sys/fs/cgroup/cgroup.procs \
        /sys/fs/bpf /sys/kernel/tracing/events; do [ -e $d ] || echo no $d; done
      for d in /tmp /run /dev/shm /root; do echo x >$d/file || echo no $d; done
      """)
    #expect(try process.finish() == .exited(0), "\(process.errors)")
    #expect(process.output == "" && process.errors == "", "\(process.output)\(process.errors)")
  }

  @Test(arguments: [
    (["ktstr-no-such"], 127, "ktstr-no-such: no such program in PATH"),
    (["/no/such"], 127, "/no/such: no such file"),
    (["/etc/passwd"], 126, "/etc/passwd: not an executable file"),
  ])
  func `what cannot run is refused before anything boots`(
    command: [String], status: CInt, text: String
  ) throws {
    let process = try exec([], command)
    #expect(try process.finish(seconds: 10) == .exited(status))
    #expect(process.errors == "ktstr: \(text)\n")
    #expect(kept.isEmpty)
  }

  @Test(arguments: [
    (["--module", "kvm-amdd"], "did you mean kvm_amd"),
    (["--include", "/no/such"], "--include: /no/such: no such file"),
    (["--include", "/dev/null"], "/dev/null is a device, socket or pipe"),
    (["--include", "/bin/ls:/proc/x"], "/proc/x cannot be in a guest"),
    (["--include", "/bin/ls:x"], "expected an absolute path in the guest, found 'x'"),
    (["--memory", "128", "--cpus", "64"], "needs at least"),
    (["--memory", "5 apples"], "--memory: expected a size"),
    (["--timeout", "5"], "--timeout: expected a time"),
    (["--env", "=x"], "--env: expected NAME=VALUE, found '=x'"),
    (["--cpu-feature", "svm,+x"], "cannot be the name of a CPU's feature"),
    (["--cpus", "0"], "--cpus: from 1 to"),
    (["--workdir", "x"], "--workdir: expected an absolute path"),
    (["--kernel", "no-such"], "no kernel 'no-such'"),
  ])
  func `options that make no sense are refused before anything boots`(
    options: [String], text: String
  ) throws {
    let process = try exec(options, ["/bin/true"])
    let status = try process.finish(seconds: 10)
    #expect(status == .exited(options[0] == "--kernel" ? 3 : 64))
    #expect(process.errors.contains(text), "\(process.errors)")
    #expect(process.errors.split(separator: "\n").count == 1)
    #expect(kept.isEmpty)
  }

  @Test func `help is help, and an unknown option is no program`() throws {
    let help = try KtstrProcess(["exec", "--help"], directory: scratch.path)
    #expect(try help.finish(seconds: 10) == .exited(0))
    #expect(help.output.contains("USAGE: ktstr exec"))
    let unknown = try exec(["--cpu", "2"], ["/bin/true"])
    #expect(try unknown.finish(seconds: 10) == .exited(64))
    #expect(unknown.errors.contains("Unknown option '--cpu'"))
  }

  @Test(arguments: [
    ("nosuch", "Property 'kvm64-x86_64-cpu.nosuch' not found"),
    ("vmx", "TCG doesn't support requested feature: CPUID.01H:ECX.vmx"),
  ])
  func `a CPU feature that cannot be had is an error in the engine's words`(
    feature: String, text: String
  ) throws {
    let process = try exec(["--engine", "tcg", "--cpu-feature", feature], ["/bin/true"])
    #expect(try process.finish() == .exited(3))
    #expect(process.errors.contains(text), "\(process.errors)")
  }

  @Test func `a guest that dies is an error of one line that says where its console is`() throws {
    let process = try shell("echo c >/proc/sysrq-trigger; while :; do :; done")
    #expect(try process.finish() == .exited(3))
    let lines = process.errors.split(separator: "\n")
    #expect(lines.count == 1)
    #expect(process.errors.hasPrefix("ktstr: the guest's kernel panicked: "), "\(lines)")
    let path = try #require(process.errors.split(separator: " ").last?.dropLast())
    let log = try Files.read("\(scratch.path)/\(path)", limit: 1 << 26)
    #expect(String(decoding: log, as: UTF8.self).contains("sysrq triggered crash"))
  }

  @Test func `a program that does not end in its time is ended, with status 124`() throws {
    let process = try exec(["--timeout", "8s"], ["/bin/sleep", "1000"])
    #expect(try process.finish(seconds: 60) == .exited(124))
    #expect(process.errors.contains("/bin/sleep did not end within 8s"), "\(process.errors)")
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `an interrupt ends all within two seconds`(signal: CInt) throws {
    try KtstrProcess.expectWithinTwoSeconds {
      let process = try shell("echo ready; while :; do :; done")
      try #require(try process.awaitOutput("ready"), "\(process.errors)")
      let began = MonotonicTime.now()
      process.send(signal)
      #expect(try process.finish(seconds: 10) == .exited(130))
      let took = MonotonicTime.now().nanoseconds(since: began)
      #expect(allGone(process))
      #expect(kept.isEmpty)
      return took
    }
  }

  @Test func `an interrupt is heard while nobody reads the output`() throws {
    let process = try KtstrProcess(
      ["exec", "--", "/usr/bin/yes"], directory: scratch.path,
      launcher: ["/bin/sh", "-c", "\"$0\" \"$@\" | sleep 100"])
    // The program fills the pipe, and then the relay.
    sleep(8)
    let lines = process.descendants().filter { $0.contains(" exec -- ") }
    #expect(!lines.isEmpty)
    for pid in process.processes(with: " exec -- ") { _ = kill(pid, SIGTERM) }
    var gone = false
    for _ in 0..<500 where !gone {
      gone = process.processes(with: "qemu").isEmpty && process.processes(with: " exec").isEmpty
      usleep(20_000)
    }
    #expect(gone, "\(process.descendants())")
    for pid in process.processes(with: "sleep") { _ = kill(pid, SIGKILL) }
    _ = try process.finish(seconds: 10)
  }

  @Test func `SIGKILL takes the guest along`() throws {
    let process = try shell("echo ready; while :; do :; done")
    try #require(try process.awaitOutput("ready"), "\(process.errors)")
    process.send(SIGKILL)
    #expect(allGone(process))
    #expect(try process.finish(seconds: 5) == .signaled(SIGKILL))
  }

  @Test func `KVM runs at native speed in a guest whose CPU has SVM`() throws {
    var said = ""
    // Loading KVM patches the kernel's code, which the software CPU does not always survive.
    for _ in 0..<3 where !said.contains("/dev/kvm runs at native speed") {
      let process = try exec(
        [
          "--engine", "tcg", "--kernel", "6.1", "--cpu-feature", "svm", "--module", "kvm-amd",
          "--cpus", "2",
        ], [KtstrProcess.binary, "doctor"])
      _ = try process.finish()
      said += process.output + process.errors
    }
    #expect(said.contains("/dev/kvm runs at native speed"), "\(said)")
  }
}
