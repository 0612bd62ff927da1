import Evidence
import Glibc
import Harness
import HostOS
import Machine
import Topology

/// What it costs the host to bring a guest of our own engine to its first instruction.
///
/// Measures the real process of a run (`ktstr run-process`) on `/dev/kvm`. How far the guest comes
/// does not matter.
struct BootHost {
  private static let runs = 9
  private static let patience: UInt64 = 20_000_000_000

  let program: String
  let kernel: String
  let initramfs: String

  /// Prints processor time for several sizes of guest memory, then the memory of the process.
  func report() throws {
    print("processor time until the first KVM_RUN, medians of \(Self.runs) runs:")
    for mebibytes in [512, 4096, 16384] as [UInt64] {
      var loading: [UInt64] = []
      var whole: [UInt64] = []
      for _ in 0..<Self.runs {
        try run(cpus: 1, memory: mebibytes << 20, disk: false) { milestones, _ in
          func time(_ name: Milestone.Name) -> UInt64 {
            milestones.first { $0.name == name }?.processorTime ?? 0
          }
          loading.append(time(.processStarted))
          whole.append(time(.engineStarted))
        }
      }
      print(
        "  \(padded("\(mebibytes) MiB", 10)) \(text(whole)), of these \(text(loading)) until main")
    }
    print("private memory beside the guest's (4 vCPUs, one disk, one console):")
    try run(cpus: 4, memory: 512 << 20, disk: true) { _, pid in
      let memory = try ProcessMemory(of: pid)
      print("  \(memory.beside("ktstr-guest") >> 10) KiB, of these in")
      for (name, bytes) in memory.largest(9, beside: "ktstr-guest") {
        print("    \(padded(name, 44)) \(bytes >> 10) KiB")
      }
    }
  }

  private func text(_ times: [UInt64]) -> String {
    let sorted = times.sorted()
    func milliseconds(_ time: UInt64) -> String {
      "\(time / 1_000_000).\(time / 100_000 % 10)"
    }
    return "\(milliseconds(sorted[sorted.count / 2])) ms "
      + "(\(milliseconds(sorted[0])) to \(milliseconds(sorted[sorted.count - 1])))"
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Starts a guest, waits until it runs, hands on what there is to see, and kills it.
  private func run(
    cpus: Int, memory: UInt64, disk: Bool, _ look: ([Milestone], CInt) throws -> Void
  ) throws {
    let path = "/tmp/ktstr-bench-\(getpid())"
    try Files.makeDirectories(path)
    defer { try? Files.removeTree(path) }
    let directory = RunDirectory(path: path)
    let machine = MachineRequest(
      engine: .kvm, enginePath: nil, threading: .multi, kernelImage: kernel,
      initramfs: [initramfs], commandLine: [KernelArgument("quiet", because: "a benchmark")],
      topology: .flat(cpus: cpus), memoryBytes: memory,
      disk: disk ? DiskRequest(bytes: 64 << 20, serial: "bench") : nil)
    let limits = RunLimits(
      durationNanoseconds: 0, drainNanoseconds: 0, totalNanoseconds: Self.patience)
    try directory.write(
      json: RunRequest(machine: machine, limits: limits, preparedSince: 0), to: .machine)
    // Nobody in the guest gets to read it.
    try directory.write([0], to: .plan)
    var request = ProcessRequest(path: program, arguments: ["run-process", path])
    request.descriptors = [.init(2, to: 2)]
    var child = try ChildProcess(spawning: request)
    defer { _ = try? child.kill() }
    let deadline = MonotonicTime.now().advanced(byNanoseconds: Self.patience)
    while MonotonicTime.now() < deadline {
      if let status = try child.poll() { throw Failure.ended(status) }
      let milestones = try directory.milestones()
      if milestones.contains(where: { $0.name == .engineStarted }) {
        return try look(milestones, child.pid)
      }
      usleep(5000)
    }
    throw Failure.late
  }

  /// Why there is nothing to report.
  enum Failure: Error, CustomStringConvertible {
    case ended(ExitStatus)
    case late

    var description: String {
      switch self {
      case .ended(let status): "the run's process \(status) before its guest ran"
      case .late: "the guest did not run within 20 s"
      }
    }
  }
}
