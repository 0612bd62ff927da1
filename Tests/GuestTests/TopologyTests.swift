import Glibc
import HostOS
import Testing

/// What real kernels make of a scenario's topology.
///
/// A launcher takes QEMU's place, and QEMU its own with the command line as it is, but for the
/// initramfs: that one prints what the kernel's sysfs says and powers off.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(10)))
struct TopologyTests {
  private let scratch = Scratch()

  /// The initramfs, and a directory whose `qemu-system-x86_64` boots with it.
  private func makeLauncher() throws -> String {
    let script = """
      #!/bin/busybox sh
      b=/bin/busybox
      $b mount -t proc none /proc && $b mount -t sysfs none /sys && cd /sys/devices/system
      for cpu in cpu/cpu[0-9]*; do
        for level in $cpu/cache/index*; do
          [ "$($b cat $level/level)" = 3 ] && llc=$($b cat $level/shared_cpu_list)
        done
        t=$cpu/topology
        echo "TOPOLOGY ${cpu#cpu/} core=$($b cat $t/core_id) \
      package=$($b cat $t/physical_package_id) siblings=$($b cat $t/thread_siblings_list) llc=$llc"
      done
      for node in node/node[0-9]*; do echo "TOPOLOGY ${node#node/} $($b cat $node/cpulist)"; done
      $b poweroff -f

      """
    let root = "\(scratch.path)/root"
    for name in ["bin", "proc", "sys", "dev"] { try Files.makeDirectories("\(root)/\(name)") }
    try Files.write(Array(script.utf8), to: "\(root)/init", mode: 0o755)
    let busybox = try #require(ExecutableSearch.find("busybox"))
    let qemu = try #require(ExecutableSearch.find("qemu-system-x86_64"))
    let archive = "\(scratch.path)/topology.cpio"
    let commands = [
      "cp \(busybox) \(root)/bin/busybox",
      "cd \(root) && find . | cpio --create --format=newc --quiet >\(archive)",
    ]
    for command in commands {
      let result = try ToolRunner.run(ToolRequest("sh", ["-c", command]))
      #expect(result.errors.isEmpty)
    }
    let bin = "\(scratch.path)/path"
    try Files.makeDirectories(bin)
    let launcher = """
      #!/bin/bash
      for argument; do
        [[ $argument == /dev/fd/* ]] && argument=\(archive)
        arguments+=("$argument")
      done
      exec \(qemu) "${arguments[@]}"

      """
    try Files.write(Array(launcher.utf8), to: "\(bin)/qemu-system-x86_64", mode: 0o755)
    return bin
  }

  /// Lines that a guest of this topology prints, on this kernel.
  private func lines(topology: String, kernel: String, launcher: String) throws -> [String] {
    let results = "\(scratch.path)/\(kernel)-\(topology)-\(UInt32.random(in: 0 ... .max))"
    let scenario = try scratch.write(
      """
      {"ktstr": 1, "name": "topology", "duration": "1s",
       "machine": {"topology": "\(topology)", "memory": "768MiB"},
       "work": [{"name": "spin", "type": "spin"}]}
      """, to: "topology.json")
    let path = try #require(getenv("PATH").map { String(cString: $0) })
    let process = try KtstrProcess(
      ["test", scenario, "--kernel", kernel, "--output", results],
      environment: ["PATH": "\(launcher):\(path)"])
    // No guest of ours, so there is no verdict to look at.
    _ = try #require(try process.finish(), "\(process.output)\(process.errors)")
    // An engine fault makes a second attempt, with a directory of its own.
    let consoles = try Files.entries(of: results).map { run in
      String(
        decoding: try Files.read("\(results)/\(run)/console.log", limit: 1 << 24), as: UTF8.self)
    }
    let lines = consoles.flatMap { console in
      console.split(whereSeparator: \.isNewline).compactMap { line in
        line.hasPrefix("TOPOLOGY ") ? String(line.dropFirst("TOPOLOGY ".count)) : nil
      }
    }
    if lines.isEmpty {
      Issue.record(
        "\(kernel) said nothing: \(process.output)\(consoles.map { $0.suffix(3000) })",
        severity: .warning)
    }
    return lines
  }

  /// The same, once more where the guest did not come to its end: eight CPUs are much for a software
  /// CPU on a loaded host.
  private func patientLines(
    topology: String, kernel: String, launcher: String, count: Int
  ) throws -> Set<String> {
    let first = Set(try lines(topology: topology, kernel: kernel, launcher: launcher))
    return first.count == count
      ? first : Set(try lines(topology: topology, kernel: kernel, launcher: launcher))
  }

  /// What sysfs says when all is as asked for.
  private func expected(nodes: Int, caches: Int, cores: Int, threads: Int) -> Set<String> {
    func list(_ first: Int, _ count: Int) -> String {
      count == 1 ? "\(first)" : "\(first)-\(first + count - 1)"
    }
    let underCache = cores * threads
    let all = caches * underCache
    let cpus = (0..<all).map { cpu in
      let core = cpu / threads
      return "cpu\(cpu) core=\(core % cores) package=\(cpu / underCache) "
        + "siblings=\(list(core * threads, threads)) "
        + "llc=\(list(cpu / underCache * underCache, underCache))"
    }
    return Set(cpus + (0..<nodes).map { "node\($0) \(list(all / nodes * $0, all / nodes))" })
  }

  @Test func `every kernel sees the nodes, caches, cores and threads that were asked for`() throws {
    let launcher = try makeLauncher()
    let list = try KtstrProcess(["kernel", "list", "--quiet"])
    _ = try list.finish(seconds: 30)
    let kernels = list.output.split(separator: "\n").map(String.init)
    try #require(!kernels.isEmpty)
    for kernel in kernels {
      let expected = expected(nodes: 2, caches: 2, cores: 2, threads: 2)
      let seen = try patientLines(
        topology: "2n2l2c2t", kernel: kernel, launcher: launcher, count: expected.count)
      #expect(seen == expected, "\(kernel)")
    }
  }

  @Test func `counts that are no powers of two are seen, too`() throws {
    let launcher = try makeLauncher()
    let list = try KtstrProcess(["kernel", "list", "--quiet"])
    _ = try list.finish(seconds: 30)
    // The oldest one has the hardest time with APIC ids that leave gaps.
    let kernel = try #require(list.output.split(separator: "\n").last.map(String.init))
    let expected = expected(nodes: 1, caches: 2, cores: 1, threads: 3)
    let seen = try patientLines(
      topology: "1n2l1c3t", kernel: kernel, launcher: launcher, count: expected.count)
    #expect(seen == expected, "\(kernel)")
  }
}
