import Glibc
import HostOS
package import Kernels
package import Machine
import SystemPackage
import Topology
import Wire

/// An interactive guest: a shell on its console, which is the user's terminal.
///
/// There is no run directory and no verdict; the guest dies with this process.
package struct ShellGuest {
  /// The program that gives the guest its shell.
  package static let busybox = "busybox"

  private let preparation: Preparation

  /// Makes guests out of what runs are made of.
  package init(preparation: Preparation) {
    self.preparation = preparation
  }

  /// What the guest shall be.
  package struct Options: Sendable {
    /// CPUs.
    package var cpus = 2
    /// RAM in bytes.
    package var memoryBytes: UInt64 = 512 << 20
    /// Scratch disk in bytes; zero for none.
    package var diskBytes: UInt64 = 64 << 20
    /// Size of the terminal.
    package var columns: UInt16 = 80
    /// Size of the terminal.
    package var rows: UInt16 = 24

    /// The defaults.
    package init() {}
  }

  /// Boots the guest and ties its console to these descriptors until either ends.
  ///
  /// Call it from the main thread, which the engine dies with. SIGINT, SIGTERM, SIGHUP and SIGQUIT
  /// end the process as they always do until the engine is about to start, and end the guest from
  /// then on; SIGPIPE is ignored from then on.
  ///
  /// - Parameter started: called once the engine runs, which is when a terminal becomes the guest's.
  /// - Throws: ``PreparationError``; the terminal's mode is the caller's business.
  package func run(
    kernel: Kernel, engine: EngineChoice, options: Options, input: CInt, output: CInt,
    started: () -> Void
  ) throws(PreparationError) -> ShellEnd {
    let (request, tail) = try request(kernel: kernel, engine: engine, options: options)
    // Before the threads of the machine, which would take the signals otherwise.
    let signals = try Self.host("catching signals") { () throws(SystemCallError) in
      try SignalDescriptor(catching: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    }
    // The engine's own words, of which the last tell why it failed.
    let log = try Self.host("making the engine's log") { () throws(SystemCallError) in
      try MemoryFile(name: "engine.log", size: 0)
    }
    // A reader that is gone shows as EPIPE where it is written to.
    _ = signal(SIGPIPE, SIG_IGN)
    let machine: any Machine
    do {
      machine = try MachineStart.start(
        request, initramfsTail: tail, telemetryPort: Plan.telemetryPort,
        logDescriptor: log.descriptor.raw, logPath: "/proc/self/fd/\(log.descriptor.raw)")
    } catch {
      throw .machine(error)
    }
    defer { machine.stop() }
    started()
    var relay = ShellRelay(
      machine, engine: engine.engine, input: input, inputIsTerminal: isatty(input) == 1,
      output: output)
    return try Self.host("carrying the guest's console") { () throws(SystemCallError) in
      try relay.run(signals: signals)
    }
  }

  private static func host<Result: ~Copyable>(
    _ doing: String, _ body: () throws(SystemCallError) -> Result
  ) throws(PreparationError) -> Result {
    do {
      return try body()
    } catch {
      throw .host(doing: doing, error)
    }
  }

  private func request(
    kernel: Kernel, engine: EngineChoice, options: Options
  ) throws(PreparationError) -> (MachineRequest, planArchive: [UInt8]) {
    guard let shell = ExecutableSearch.find(Self.busybox) else {
      throw .kernel(
        "there is no \(Self.busybox) in PATH to give the guest a shell; "
          + "install it: apt-get install busybox-static")
    }
    let base = try preparation.base(
      for: kernel, engine.engine,
      extraFiles: [.init(guestPath: "/bin/busybox", source: FilePath(shell))])
    let plan = Plan(
      mode: .shell(columns: options.columns, rows: options.rows),
      runID: UInt64.random(in: .min ... .max), seed: 0, durationNanoseconds: 0,
      sampleIntervalNanoseconds: 0, drainNanoseconds: 0, cpus: UInt32(options.cpus),
      needsDisk: options.diskBytes > 0, cgroups: [], work: [])
    // One host thread: nobody repeats an interactive guest that an engine fault has ended.
    let request = MachineRequest(
      engine: engine.engine, enginePath: engine.program, threading: .single,
      kernelImage: kernel.elf.string, initramfs: [base],
      commandLine: KernelCommandLine.arguments(engine.engine, isShell: true),
      topology: .flat(cpus: options.cpus),
      memoryBytes: options.memoryBytes,
      disk: options.diskBytes == 0
        ? nil
        : DiskRequest(bytes: options.diskBytes, serial: Plan.diskSerial))
    guard let tail = try? PlanArchive.bytes(plan: plan.encoded()) else {
      throw .kernel("the plan does not fit an archive")
    }
    return (request, tail)
  }
}
