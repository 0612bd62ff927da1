import Boot
import HostOS
import Kernels
import Machine
package import Programs
import Scenario
import SystemPackage
import Topology
import Wire

/// What keeps a program from being run in a guest, found before anything boots.
package enum ExecRefusal: Error, CustomStringConvertible {
  /// The command cannot be run; the status is that of a shell.
  case command(ProgramError, status: CInt)
  /// An option asks for what is not to be had.
  case option(String)
  /// This host cannot do it.
  case host(String)

  package var description: String {
    switch self {
    case .command(let error, _): error.description
    case .option(let text), .host(let text): text
    }
  }
}

/// An exec that is ready to start.
struct PreparedExec: ~Copyable {
  /// The whole initramfs.
  let initramfs: OwnedDescriptor
  let request: ExecRequest
  let plan: [UInt8]
  /// What an included program lacks, for people.
  let shortcomings: [String]
}

/// Turns an order into an initramfs and a request for a machine.
struct ExecPreparation {
  /// Where the modules that were asked for are in the guest.
  private static let moduleDirectory = "/ktstr/modules/exec"
  /// Room for a program besides what its files take.
  private static let programMemory: UInt64 = 384 << 20
  private static let usualMemory: UInt64 = 512 << 20
  /// How long a guest may take to boot; a software CPU on a busy host is slow.
  private static let bootLimit: UInt64 = 300_000_000_000

  let preparation: Preparation

  /// Prepares an order.
  ///
  /// - Throws: ``ExecRefusal``, ``PreparationError``, ``ProgramError`` or ``KernelError``.
  func prepare(_ order: ExecOrder) throws -> PreparedExec {
    let isSoftware = order.engine.engine == .tcg
    if !isSoftware, let feature = order.cpuFeatures.first {
      throw ExecRefusal.option(
        "--cpu-feature \(feature): only the software CPU of --engine tcg can be given features")
    }
    var (luggage, path) = try pack(order)
    let modules = try modules(of: order)
    let base = try preparation.base(for: order.kernel, order.engine.engine)
    let program = ProgramPlan(
      path: path, arguments: order.command, environment: order.fullEnvironment,
      directory: order.directory, modules: Self.guestPaths(of: modules))
    let plan = Plan(
      mode: .program(program), runID: UInt64.random(in: .min ... .max), seed: 0,
      durationNanoseconds: 0, sampleIntervalNanoseconds: 0, drainNanoseconds: 0,
      cpus: UInt32(order.cpus), needsDisk: false, cgroups: [], work: []
    ).encoded()
    try luggage.includeLoaderCache()
    let size =
      TreeArchive.size(of: luggage.tree) + (try Files.status(of: base)?.size ?? 0)
      + modules.reduce(0) { $0 + UInt64($1.content.count) }
    let memory = try memory(for: order, archiveBytes: size)
    let machine = MachineRequest(
      engine: order.engine.engine, enginePath: order.engine.program, threading: .multi,
      kernelImage: order.kernel.elf.string,
      initramfs: ["/proc/self/fd/\(ExecRequest.initramfsDescriptor)"],
      commandLine: KernelCommandLine.arguments(order.engine.engine, isShell: false)
        + (isSoftware ? [KernelCommandLine.hidingCX16] : []),
      topology: .flat(cpus: order.cpus),
      memoryBytes: memory, disk: nil,
      cpuFeatures: order.cpuFeatures + (isSoftware ? ["cx16"] : []))
    return PreparedExec(
      initramfs: try archive(luggage.tree, modules, plan, behind: base),
      request: ExecRequest(
        machine: machine, bootNanoseconds: Self.bootLimit,
        totalNanoseconds: order.timeoutNanoseconds),
      plan: plan, shortcomings: luggage.shortcomings)
  }

  /// The guest's files, and the program's path among them.
  private func pack(_ order: ExecOrder) throws -> (Luggage, path: String) {
    func list(_ name: String) -> [String] {
      (order.variable(name) ?? "").split(separator: ":").map(String.init)
    }
    var luggage = Luggage(libraryPath: list("LD_LIBRARY_PATH"), searchPath: list("PATH"))
    for include in order.includes {
      do throws(ProgramError) {
        try luggage.include(include.host, at: include.guest)
      } catch {
        throw ExecRefusal.option("--include: \(error)")
      }
    }
    try luggage.makeDirectory(order.directory)
    let path: String
    do throws(ProgramError) {
      path = try luggage.addCommand(order.command[0], directory: order.workingDirectory)
    } catch {
      // As shells and env(1) have it.
      let isThere = if case .notFound = error { false } else { true }
      throw ExecRefusal.command(error, status: isThere ? 126 : 127)
    }
    try luggage.complete()
    return (luggage, path)
  }

  private func modules(of order: ExecOrder) throws -> [LoadableModule] {
    do {
      return try order.kernel.modules(
        named: order.modules.map { ModuleName($0) },
        besides: Preparation.modules(order.engine.engine))
    } catch let error as KernelError {
      guard case .missingModule(_, let name, nil) = error else { throw error }
      throw ExecRefusal.option(
        "--module: \(error)" + hint(for: name, in: try order.kernel.moduleNames()))
    }
  }

  /// The names that somebody may have meant, as a question.
  private func hint(for name: String, in known: [String]) -> String {
    var near = known.filter { $0.contains(name) || name.contains($0) && $0.count > 3 }
    if let nearest = Spelling.nearest(to: name, in: known), !near.contains(nearest) {
      near.insert(nearest, at: 0)
    }
    return near.isEmpty
      ? "" : "; did you mean \(near.prefix(5).joined(separator: " or "))?"
  }

  private static func guestPaths(of modules: [LoadableModule]) -> [String] {
    modules.enumerated().map { index, module in
      "\(moduleDirectory)/\(index < 10 ? "0" : "")\(index)-\(module.name).ko"
    }
  }

  /// RAM for the guest; what was asked for must be enough to come up with the archive.
  private func memory(for order: ExecOrder, archiveBytes: UInt64) throws -> UInt64 {
    // The root file system, a tmpfs, takes no more than half of the memory that is left when the
    // kernel and the archive are loaded: a third time the archive's size.
    let needed = KernelNeeds.memory(
      kernelBytes: try KernelNeeds.footprint(of: order.kernel),
      initramfsBytes: archiveBytes + archiveBytes / 2, cpus: order.cpus)
    let memory = order.memoryBytes ?? max(Self.usualMemory, needed + Self.programMemory)
    guard memory >= needed else {
      throw ExecRefusal.option(
        "--memory: kernel \(order.kernel.id) needs at least \(needed >> 20)MiB for "
          + "\(archiveBytes >> 20) MiB of files and \(order.cpus) CPUs, found \(memory >> 20)MiB")
    }
    if let unmet = HostMemory.unmetNeed(of: memory) { throw ExecRefusal.host(unmet) }
    return memory
  }

  /// The base, the files, the modules and the plan, in a file without a name.
  private func archive(
    _ tree: FileTree, _ modules: [LoadableModule], _ plan: [UInt8], behind base: String
  ) throws -> OwnedDescriptor {
    let file = try MemoryFile(name: "ktstr-exec", size: 0).descriptor.duplicate()
    let source = try Files.open(base, 0)
    _ = try DescriptorIO.copy(source.raw, to: file.raw, subject: base)
    try TreeArchive.write(tree, to: file.raw) { cpio throws(CpioError) in
      try cpio.addDirectory(Self.moduleDirectory)
      for (path, module) in zip(Self.guestPaths(of: modules), modules) {
        try cpio.addFile(path, module.content)
      }
      try cpio.addFile(Plan.guestPath, plan, permissions: 0o400)
    }
    return file
  }
}
