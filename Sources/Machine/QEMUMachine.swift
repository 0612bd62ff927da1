import Glibc
package import HostOS
import SystemPackage
import Topology
import VhostUser
package import Virtio

/// QEMU as CPU and board, with our own disk behind vhost-user.
///
/// Everything between us and QEMU is an inherited descriptor, so that nothing is left in any file
/// system, however the two end.
package final class QEMUMachine: Machine {
  /// Numbers of the descriptors in QEMU.
  private enum Slot {
    static let initramfs: CInt = 10
    static let console: CInt = 11
    static let telemetry: CInt = 12
    static let disk: CInt = 13
  }

  /// How long our device thread may take to end.
  private static let deviceGrace: UInt64 = 1_000_000_000

  private var process: ChildProcess
  private let consoleSocket: OwnedDescriptor
  private let telemetrySocket: OwnedDescriptor
  private let disk: ScratchDisk?
  private let logPath: String
  private let features: [String]

  /// Starts QEMU.
  ///
  /// Call it from a thread that outlives the machine: QEMU dies with it.
  ///
  /// - Parameters:
  ///   - initramfsTail: put behind the archives of the request.
  ///   - logDescriptor: what QEMU itself prints goes there.
  ///   - logPath: the path of that log, for messages.
  /// - Throws: ``MachineError``.
  package init(
    _ request: MachineRequest, initramfsTail: [UInt8], telemetryPort: String,
    logDescriptor: CInt, logPath: String
  ) throws(MachineError) {
    guard let program = request.enginePath else {
      throw .engineUnavailable(
        .tcg, reason: "its program is not known", remedy: EngineChoice.qemuRemedy)
    }
    guard request.topology.cpuCount <= QEMUCommand.maximumCPUs else {
      throw .tooManyCPUs(
        asked: request.topology.cpuCount, limit: QEMUCommand.maximumCPUs, engine: .tcg)
    }
    let initramfs = try InitramfsFile(parts: request.initramfs, tail: initramfsTail)
    let console = try Connection(for: "the console")
    let telemetry = try Connection(for: "telemetry")
    var mappings: [ProcessRequest.DescriptorMapping] = [
      .init(initramfs.raw, to: Slot.initramfs), .init(console.theirs.raw, to: Slot.console),
      .init(telemetry.theirs.raw, to: Slot.telemetry), .init(logDescriptor, to: 1),
      .init(logDescriptor, to: 2),
    ]
    let connection = try Connection(for: "the scratch disk")
    if request.disk != nil { mappings.append(.init(connection.theirs.raw, to: Slot.disk)) }
    let command = try Self.command(request, telemetryPort: telemetryPort)
    var spawn = ProcessRequest(path: program, arguments: command.arguments)
    spawn.descriptors = mappings
    process = try Self.start(spawn)
    if let wanted = request.disk {
      disk = try ScratchDisk(wanted, socket: connection.end())
    } else {
      disk = nil
    }
    consoleSocket = console.end()
    telemetrySocket = telemetry.end()
    self.logPath = logPath
    features = request.cpuFeatures
  }

  package var console: CInt { consoleSocket.raw }
  package var telemetry: CInt { telemetrySocket.raw }
  package var ended: CInt { process.pidDescriptor.raw }

  package func end() throws(SystemCallError) -> MachineEnd? {
    switch try process.poll() {
    case nil: nil
    case .exited(0): .guestStopped
    case .some(let status): .engineFailed("QEMU \(status)\(lastWords())")
    }
  }

  package func stop() {
    // A process that cannot be reaped any more has been reaped.
    _ = try? process.kill()
    disk?.stop(timeoutNanoseconds: Self.deviceGrace)
  }

  package func diskCounters() -> BlockCounters? { disk?.counters() }

  package func diskFailure() -> String? { disk?.failure() }

  package func featureRefusal() -> String? {
    guard !features.isEmpty, let text = try? Files.read(logPath, limit: 1 << 20) else { return nil }
    // "warning: TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]", and the same of
    // features of the model, which nobody asked for.
    return String(decoding: text, as: UTF8.self).split(separator: "\n").first { line in
      line.contains("doesn't support requested feature")
        && features.contains { line.contains(".\($0) ") }
    }.map(String.init)
  }

  private static func command(
    _ request: MachineRequest, telemetryPort: String
  ) throws(MachineError) -> QEMUCommand {
    do throws(CPUTopologyError) {
      return try QEMUCommand(
        request,
        descriptors: .init(
          initramfs: Slot.initramfs, console: Slot.console, telemetry: Slot.telemetry,
          disk: request.disk == nil ? nil : Slot.disk),
        telemetryPort: telemetryPort)
    } catch {
      throw .topology(error)
    }
  }

  private static func start(_ request: ProcessRequest) throws(MachineError) -> ChildProcess {
    do {
      return try ChildProcess(spawning: request)
    } catch {
      throw .startFailed(program: request.path, error)
    }
  }

  private func lastWords() -> String {
    let text = (try? Files.read(logPath, limit: 1 << 20)) ?? []
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").suffix(3)
    return lines.isEmpty ? "" : ": " + lines.joined(separator: " | ")
  }
}
