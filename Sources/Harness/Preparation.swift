import Boot
package import Evidence
import FoundationEssentials
import Glibc
import HostOS
package import Kernels
package import Machine
package import Scenario
import SystemPackage
import Topology
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
  /// What kernel, host or engine lack for it; nil when it can run.
  package var unmetNeed: String?
}

/// Turns orders into prepared run directories.
package struct Preparation: Sendable {
  /// Modules without which a guest has neither telemetry nor disk.
  static func modules(_ engine: EngineKind) -> [ModuleName] {
    let transport =
      switch engine {
      case .tcg: "virtio_pci"
      case .kvm: "virtio_mmio"
      }
    return [transport, "virtio_console", "virtio_blk"].map { ModuleName($0) }
  }

  /// The base archive in a run directory, where the cache cannot be written.
  private static let uncachedBase = "initramfs-base.cpio"

  /// The archive of what runs beside the work, in a run directory; taken away behind the run.
  static let companionArchive = "initramfs-programs.cpio"
  /// What schedulers and payloads may take to end behind the work.
  private static let companionsEnd: UInt64 = 15_000_000_000

  private let initProgram: String
  private let store: KernelStore
  private let limits: @Sendable (EngineKind) throws(MachineError) -> EngineLimits

  /// Makes guests with this init program.
  ///
  /// - Parameter limits: what an engine has room for.
  package init(
    initProgram: String, store: KernelStore,
    limits: @escaping @Sendable (EngineKind) throws(MachineError) -> EngineLimits =
      EngineLimits.here
  ) {
    self.initProgram = initProgram
    self.store = store
    self.limits = limits
  }

  /// Finds what would keep an order from running, without making a run directory.
  ///
  /// - Throws: ``PreparationError``.
  package func check(_ order: RunOrder) throws(PreparationError) {
    // What is skipped needs no room.
    guard Self.unmetNeed(of: order) == nil else { return }
    try checkTopology(order)
    let base = try archive(for: order.kernel, order.engine.engine).size
    let luggage = try companions(of: order)
    // As `exec` has it: the root file system takes half of the memory that the archives leave.
    let extra = luggage.map { $0.size().saturatingAdd($0.size() / 2) } ?? 0
    try checkMemory(order, archiveBytes: base.saturatingAdd(extra))
  }

  /// What runs beside the work, packed.
  private func companions(
    of order: RunOrder
  ) throws(PreparationError) -> CompanionLuggage? {
    try CompanionPacking(order.document).pack()
  }

  /// What the kernel or this host lacks for an order; nil when it can run.
  private static func unmetNeed(of order: RunOrder) -> String? {
    if let unmet = order.unmetRequirement() { return unmet }
    return HostMemory.unmetNeed(of: order.document.scenario.machine.memory)
  }

  /// Prepares one attempt at an order that was checked.
  ///
  /// - Throws: ``PreparationError``.
  package func prepare(
    _ order: RunOrder, attempt: Attempt
  ) throws(PreparationError) -> PreparedRun {
    let began = MonotonicTime.now()
    let scenario = order.document.scenario
    let unmet = Self.unmetNeed(of: order)
    // A kernel that is not good enough need not have what an archive is made of.
    let archive = unmet == nil ? try archive(for: order.kernel, order.engine.engine) : nil
    let id = UInt64.random(in: .min ... .max)
    let runID = Hexadecimal.text(id)
    let seed = scenario.seed ?? UInt64.random(in: .min ... .max)
    let started = Date()
    let luggage = unmet == nil ? try companions(of: order) : nil
    do throws(EvidenceError) {
      let directory = try RunDirectory.create(
        in: order.output, time: Timestamp.compact(started), name: scenario.name, runID: runID)
      try directory.write(order.scenarioBytes, to: .scenario)
      let identity = identity(
        order, attempt: attempt, runID: runID, seed: seed, started: Timestamp.full(started))
      try directory.write(json: identity, to: .identity)
      guard let archive else {
        return PreparedRun(
          directory: directory, identity: identity, scenario: scenario, unmetNeed: unmet)
      }
      var plan = scenario.plan(runID: id, seed: seed)
      luggage?.complete(&plan)
      try directory.write(plan.encoded(), to: .plan)
      var archives = [try path(of: archive, in: directory)]
      if let luggage { archives.append(try Self.write(luggage, in: directory)) }
      let request = RunRequest(
        machine: machine(
          order, attempt: attempt, archives: archives, seed: seed, directory: directory),
        limits: RunLimits(
          durationNanoseconds: plan.longestWorkNanoseconds,
          drainNanoseconds: Scenario.drainNanoseconds
            .saturatingAdd(luggage == nil ? 0 : Self.companionsEnd),
          totalNanoseconds: scenario.timeoutNanoseconds),
        preparedSince: began.nanoseconds)
      try directory.write(json: request, to: .machine)
      return PreparedRun(
        directory: directory, identity: identity, scenario: scenario, unmetNeed: nil)
    } catch {
      throw .evidence(error)
    }
  }

  /// The path of the base archive for a kernel, made when it is not in the cache.
  ///
  /// Where the cache cannot be written, the path is good for this process only, and as long as it
  /// lives.
  ///
  /// - Throws: ``PreparationError``.
  func base(
    for kernel: Kernel, _ engine: EngineKind, extraFiles: [GuestImageBase.ExtraFile] = []
  ) throws(PreparationError) -> String {
    switch try archive(for: kernel, engine, extraFiles: extraFiles) {
    case .cached(let base): return base.path.string
    case .bytes(let bytes):
      do {
        let file = try MemoryFile(name: "ktstr-base", size: 0)
        try DescriptorIO.write(bytes, to: file.descriptor.raw, subject: "the base archive")
        // Never closed: the path is the descriptor's.
        return "/proc/self/fd/\(try file.descriptor.duplicate().release())"
      } catch {
        throw .host(doing: "keeping the base archive in memory", error)
      }
    }
  }

  /// Where a run finds its base archive: in the cache, else in the run directory.
  private func path(
    of archive: GuestImageBase.Archive, in directory: RunDirectory
  ) throws(EvidenceError) -> String {
    switch archive {
    case .cached(let base): return base.path.string
    case .bytes(let bytes):
      let path = "\(directory.path)/\(Self.uncachedBase)"
      do {
        try Files.write(bytes, to: path)
      } catch {
        throw .system(error)
      }
      return path
    }
  }

  private static func write(
    _ luggage: CompanionLuggage, in directory: RunDirectory
  ) throws(EvidenceError) -> String {
    let path = "\(directory.path)/\(companionArchive)"
    do {
      try luggage.write(to: path)
    } catch let error as SystemCallError {
      throw .system(error)
    } catch {
      throw .unreadable(file: path, reason: "cannot be written: \(error)")
    }
    return path
  }

  private func archive(
    for kernel: Kernel, _ engine: EngineKind, extraFiles: [GuestImageBase.ExtraFile] = []
  ) throws(PreparationError) -> GuestImageBase.Archive {
    do {
      var contents = GuestImageBase.Contents(
        initProgram: FilePath(initProgram), modules: Self.modules(engine))
      contents.extraFiles = extraFiles
      return try GuestImageBase.archive(contents, for: kernel, cache: store.baseCache)
    } catch {
      throw .kernel("\(error)")
    }
  }

  private func checkMemory(
    _ order: RunOrder, archiveBytes: UInt64
  ) throws(PreparationError) {
    let scenario = order.document.scenario
    let needed = KernelNeeds.memory(
      kernelBytes: try KernelNeeds.footprint(of: order.kernel), initramfsBytes: archiveBytes,
      cpus: scenario.machine.cpus)
    guard scenario.machine.memory >= needed else {
      throw .scenario(
        order.document.problem(
          at: "machine.memory",
          "kernel \(order.kernel.id) needs at least \(needed >> 20)MiB for "
            + "\(scenario.machine.cpus) CPUs, found \(scenario.machine.memory >> 20)MiB"))
    }
  }

  /// Refuses what the engine's board cannot be built with.
  private func checkTopology(_ order: RunOrder) throws(PreparationError) {
    let machine = order.document.scenario.machine
    let topology = Self.topology(of: order)
    let engine = "engine \(order.engine.engine.rawValue)"
    func refuse(_ key: String, _ message: String) throws(PreparationError) -> Never {
      throw .scenario(order.document.problem(at: "machine.\(key)", message))
    }
    // An engine that is not to be had now says so when it starts.
    if let limits = try? limits(order.engine.engine) {
      guard topology.cpuCount <= limits.cpus else {
        try refuse(
          "topology", "\(engine) takes at most \(limits.cpus) CPUs, found \(topology.cpuCount)")
      }
      guard topology.nodes.count <= limits.nodes else {
        try refuse(
          "topology",
          "\(engine) takes at most \(limits.nodes) NUMA nodes, found \(topology.nodes.count)")
      }
      guard topology.highestAPICID <= limits.apicID else {
        try refuse(
          "topology",
          "\(engine) takes APIC ids up to \(limits.apicID), found "
            + "\(topology.highestAPICID); cores and threads that are powers of two leave no gaps")
      }
    }
    let least = QEMUCommand.minimumNodeMemory
    let nodes = topology.nodes.count
    // Shares that do not work out have been refused, but for even ones below the granule.
    let shares = try? topology.memoryShares(of: machine.memory)
    guard nodes == 1 || shares?.allSatisfy({ $0 >= least }) == true else {
      try refuse(
        topology.nodes.contains { $0.memoryBytes != nil } ? "topology" : "memory",
        "expected at least \(least >> 20)MiB for each of \(nodes) NUMA nodes, found "
          + "\(machine.memory >> 20)MiB in all")
    }
  }

  private func identity(
    _ order: RunOrder, attempt: Attempt, runID: String, seed: UInt64, started: String
  ) -> RunIdentity {
    RunIdentity(
      runID: runID, scenario: order.document.scenario.name, scenarioPath: order.document.file,
      engine: order.engine.engine.rawValue, engineReason: order.engine.account,
      kernel: KernelIdentity(
        id: order.kernel.id, release: order.kernel.release, image: order.kernel.elf.string,
        sha256: order.kernel.metadata.sha256),
      ktstrVersion: Version.text, startedAt: started, seed: seed, retryOf: attempt.previous,
      attempt: attempt.number)
  }

  /// For tests: bits by which our own engine spreads APIC ids, so that few CPUs have high ones.
  private static let gapVariable = "KTSTR_APIC_ID_GAP"

  /// The CPUs of the guest as the engine is to make them.
  private static func topology(of order: RunOrder) -> CPUTopology {
    let topology = order.document.scenario.machine.topology
    guard order.engine.engine == .kvm,
      let text = unsafe getenv(gapVariable), let bits = unsafe Int(String(cString: text))
    else { return topology }
    return topology.spreadingAPICIDs(by: bits)
  }

  private func machine(
    _ order: RunOrder, attempt: Attempt, archives: [String], seed: UInt64, directory: RunDirectory
  ) -> MachineRequest {
    let scenario = order.document.scenario
    let topology = Self.topology(of: order)
    return MachineRequest(
      engine: order.engine.engine, enginePath: order.engine.program,
      // Attaching a scheduler rewrites kernel code, which a software CPU of several threads does
      // not survive.
      threading: scenario.allSchedulers.isEmpty ? attempt.threading : .single,
      kernelImage: order.kernel.elf.string, initramfs: archives,
      commandLine: KernelCommandLine.arguments(order.engine.engine, isShell: false)
        + KernelCommandLine.arguments(order.engine.engine, for: topology)
        + KernelCommandLine.arguments(for: scenario.expect),
      topology: topology, memoryBytes: scenario.machine.memory,
      disk: scenario.machine.disk.map {
        DiskRequest(
          $0, seed: seed, keptAt: order.keep ? "\(directory.path)/disk.img" : nil)
      },
      native: order.engine.native)
  }
}
