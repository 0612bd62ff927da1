import Boot
package import Evidence
import FoundationEssentials
import HostOS
package import Kernels
import Machine
package import Scenario
import SystemPackage
import Verdict
import Wire

/// A run whose directory holds all that its process needs.
package struct PreparedRun: Sendable {
  /// The directory.
  package var directory: RunDirectory
  /// What the run is.
  package var identity: RunIdentity
  /// The scenario.
  package var scenario: Scenario
  /// What this host lacks for it; nil when it can run.
  package var unmetNeed: String?
}

/// Turns orders into prepared run directories.
package struct Preparation: Sendable {
  /// Modules without which a guest of the tcg engine has neither telemetry nor disk.
  private static let modules = ["virtio_pci", "virtio_console", "virtio_blk"]

  private let initProgram: String
  private let store: KernelStore

  /// Makes guests with this init program.
  package init(initProgram: String, store: KernelStore) {
    self.initProgram = initProgram
    self.store = store
  }

  /// Finds what would keep an order from running, without making a run directory.
  ///
  /// - Throws: ``PreparationError``.
  package func check(_ order: RunOrder) throws(PreparationError) {
    let machine = order.document.scenario.machine
    guard machine.cpus <= QEMUCommand.maximumCPUs else {
      throw .scenario(
        order.document.problem(
          at: "machine",
          "engine \(order.engine.engine.rawValue) takes at most \(QEMUCommand.maximumCPUs) CPUs"))
    }
    try checkMemory(order, base: try base(for: order.kernel))
  }

  /// Prepares one attempt at an order that was checked.
  ///
  /// - Throws: ``PreparationError``.
  package func prepare(
    _ order: RunOrder, attempt: Attempt
  ) throws(PreparationError) -> PreparedRun {
    let began = MonotonicTime.now()
    let scenario = order.document.scenario
    let base = try base(for: order.kernel)
    let id = UInt64.random(in: .min ... .max)
    let runID = Hexadecimal.text(id)
    let seed = scenario.seed ?? UInt64.random(in: .min ... .max)
    let started = Date()
    do throws(EvidenceError) {
      let directory = try RunDirectory.create(
        in: order.output, time: Timestamp.compact(started), name: scenario.name, runID: runID)
      try directory.write(order.scenarioBytes, to: .scenario)
      let identity = identity(
        order, attempt: attempt, runID: runID, seed: seed, started: Timestamp.full(started))
      try directory.write(json: identity, to: .identity)
      try directory.write(scenario.plan(runID: id, seed: seed).encoded(), to: .plan)
      let request = RunRequest(
        machine: machine(order, attempt: attempt, base: base, seed: seed, directory: directory),
        limits: RunLimits(
          durationNanoseconds: scenario.durationNanoseconds,
          drainNanoseconds: Scenario.drainNanoseconds,
          totalNanoseconds: scenario.timeoutNanoseconds),
        preparedSince: began.nanoseconds)
      try directory.write(json: request, to: .machine)
      return PreparedRun(
        directory: directory, identity: identity, scenario: scenario,
        unmetNeed: HostMemory.unmetNeed(of: scenario.machine.memory))
    } catch {
      throw .evidence(error)
    }
  }

  /// The cached base archive for a kernel; made when it is not there.
  ///
  /// - Throws: ``PreparationError/kernel(_:)``.
  func base(
    for kernel: Kernel, extraFiles: [GuestImageBase.ExtraFile] = []
  ) throws(PreparationError) -> String {
    do {
      var contents = GuestImageBase.Contents(
        initProgram: FilePath(initProgram), modules: Self.modules.map { ModuleName($0) })
      contents.extraFiles = extraFiles
      return try GuestImageBase.make(contents, for: kernel, cache: store.baseCache).path.string
    } catch {
      throw .kernel("\(error)")
    }
  }

  private func checkMemory(_ order: RunOrder, base: String) throws(PreparationError) {
    let scenario = order.document.scenario
    let archive = (try? Files.status(of: base))??.size ?? 0
    let needed = KernelNeeds.memory(
      kernelBytes: try KernelNeeds.footprint(of: order.kernel), initramfsBytes: archive,
      cpus: scenario.machine.cpus)
    guard scenario.machine.memory >= needed else {
      throw .scenario(
        order.document.problem(
          at: "machine.memory",
          "kernel \(order.kernel.id) needs at least \(needed >> 20)MiB for "
            + "\(scenario.machine.cpus) CPUs, found \(scenario.machine.memory >> 20)MiB"))
    }
  }

  private func identity(
    _ order: RunOrder, attempt: Attempt, runID: String, seed: UInt64, started: String
  ) -> RunIdentity {
    RunIdentity(
      runID: runID, scenario: order.document.scenario.name, scenarioPath: order.document.file,
      engine: order.engine.engine.rawValue, engineReason: order.engine.reason,
      kernel: KernelIdentity(
        id: order.kernel.id, release: order.kernel.release, image: order.kernel.elf.string,
        sha256: order.kernel.metadata.sha256),
      ktstrVersion: Version.text, startedAt: started, seed: seed, retryOf: attempt.previous,
      attempt: attempt.number)
  }

  private func machine(
    _ order: RunOrder, attempt: Attempt, base: String, seed: UInt64, directory: RunDirectory
  ) -> MachineRequest {
    let scenario = order.document.scenario
    return MachineRequest(
      engine: order.engine.engine, enginePath: order.engine.program, threading: attempt.threading,
      kernelImage: order.kernel.elf.string, initramfs: [base],
      commandLine: KernelCommandLine.arguments(isShell: false),
      topology: MachineTopology(scenario.machine.topology), memoryBytes: scenario.machine.memory,
      disk: scenario.machine.disk.map {
        DiskRequest(
          $0, seed: seed, keptAt: order.keep ? "\(directory.path)/disk.img" : nil)
      })
  }
}
