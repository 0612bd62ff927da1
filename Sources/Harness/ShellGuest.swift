import Glibc
import HostOS
package import Kernels
package import Machine
import SystemPackage
import Wire

/// An interactive guest: a shell on its console, which is the user's terminal.
///
/// There is no run directory and no verdict; the guest dies with this process.
package struct ShellGuest {
  /// The program that gives the guest its shell.
  package static let busybox = "busybox"
  /// Ctrl-] ends the guest at once.
  package static let escape: UInt8 = 0x1d

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

  /// Boots the guest and ties its console to these descriptors until it powers off.
  ///
  /// - Throws: ``PreparationError``; the terminal's mode is the caller's business.
  package func run(
    kernel: Kernel, engine: EngineChoice, options: Options, input: CInt, output: CInt
  ) throws(PreparationError) {
    let machine = try start(kernel: kernel, engine: engine, options: options)
    defer { machine.stop() }
    do {
      try relay(machine, input: input, output: output)
    } catch {
      throw .host(doing: "talking to the guest's console", error)
    }
  }

  private func start(
    kernel: Kernel, engine: EngineChoice, options: Options
  ) throws(PreparationError) -> any Machine {
    guard let shell = ExecutableSearch.find(Self.busybox) else {
      throw .kernel(
        "there is no \(Self.busybox) in PATH to give the guest a shell; "
          + "install it: apt-get install busybox-static")
    }
    let base = try preparation.base(
      for: kernel,
      extraFiles: [.init(guestPath: "/bin/busybox", source: FilePath(shell))])
    let plan = Plan(
      mode: .shell(columns: options.columns, rows: options.rows),
      runID: UInt64.random(in: .min ... .max), seed: 0, durationNanoseconds: 0,
      sampleIntervalNanoseconds: 0, drainNanoseconds: 0, cpus: UInt32(options.cpus),
      needsDisk: options.diskBytes > 0, cgroups: [], work: [])
    let request = MachineRequest(
      engine: engine.engine, enginePath: engine.program, threading: .multi,
      kernelImage: kernel.elf.string, initramfs: [base],
      commandLine: KernelCommandLine.arguments(isShell: true),
      topology: MachineTopology(
        nodes: 1, lastLevelCaches: 1, coresPerCache: options.cpus, threadsPerCore: 1),
      memoryBytes: options.memoryBytes,
      disk: options.diskBytes == 0
        ? nil
        : DiskRequest(
          bytes: options.diskBytes, serial: Plan.diskSerial, seed: 0, faults: [], keptAt: nil))
    guard let tail = try? PlanArchive.bytes(plan: plan.encoded()) else {
      throw .kernel("the plan does not fit an archive")
    }
    do {
      return try QEMUMachine(
        request, initramfsTail: tail, telemetryPort: Plan.telemetryPort, logDescriptor: 2,
        logPath: "/dev/null")
    } catch {
      throw .machine(error)
    }
  }

  /// Carries bytes both ways until the engine ends, the input ends, or the user escapes.
  private func relay(
    _ machine: any Machine, input: CInt, output: CInt
  ) throws(SystemCallError) {
    var inputIsOpen = true
    var consoleIsOpen = true
    var telemetryIsOpen = true
    while consoleIsOpen {
      let ready = try Poll.wait(
        readable: [
          machine.console, inputIsOpen ? input : -1, telemetryIsOpen ? machine.telemetry : -1,
        ],
        timeoutNanoseconds: 1_000_000_000)
      if !ready[0].isEmpty {
        let bytes = try available(machine.console)
        if let bytes, bytes.isEmpty { consoleIsOpen = false }
        try DescriptorIO.write(bytes ?? [], to: output, subject: "the terminal")
      }
      if !ready[1].isEmpty {
        let bytes = try DescriptorIO.readSome(input, subject: "the terminal")
        if bytes.contains(Self.escape) { return }
        if bytes.isEmpty { inputIsOpen = false }
        try DescriptorIO.write(bytes, to: machine.console, subject: "the guest's console")
      }
      // Nobody wants the events of a shell, but a guest that cannot send them would wait.
      if !ready[2].isEmpty, try available(machine.telemetry)?.isEmpty == true {
        telemetryIsOpen = false
      }
    }
  }

  /// Bytes of a stream of the machine, empty at its end, nil when there are none just now.
  private func available(_ descriptor: CInt) throws(SystemCallError) -> [UInt8]? {
    do {
      return try DescriptorIO.readSome(descriptor, subject: "the guest")
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return nil
      case .connectionReset: return []
      default: throw error
      }
    }
  }
}
