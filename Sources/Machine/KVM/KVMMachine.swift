import Boot
import Glibc
package import HostOS
package import KVM
package import Sandbox
import SystemPackage
import Topology
package import Virtio

/// Our own VMM: vCPUs of `/dev/kvm`, and our devices on a board of ours.
package final class KVMMachine: Machine {
  /// How long vCPUs and devices may take to end.
  static let graceMilliseconds: UInt64 = 2000
  /// The GSI of the first serial port, as on a PC.
  static let serialGSI: UInt32 = 4

  let vcpus: VCPUGroup
  private let slots: [VirtioSlot]
  private let serialInput: SerialInput
  private let ram: GuestRAM
  private let disk: BlockDevice?
  private let consoleStream: GuestStream
  private let telemetryStream: GuestStream
  private let ending: Ending
  private let confinement: Confinement
  private var hasStopped = false
  package let processorTimeAtStart: UInt64?

  /// Starts a guest.
  ///
  /// - Parameters:
  ///   - initramfsTail: put behind the archives of the request.
  ///   - policy: what this process may still do, which is then for good; nil leaves it alone, as in
  ///     a process that has other things to do. The process must have no other thread.
  /// - Throws: ``MachineError``.
  package init(
    _ request: MachineRequest, initramfsTail: [UInt8], telemetryPort: String,
    sandbox policy: SandboxPolicy? = nil
  ) throws(MachineError) {
    let topology = request.topology
    let device = try Self.kvm { () throws(KVMError) in try KVMDevice() }
    let ending = try MachineError.naming("preparing the end", Ending.init)
    let confinement = try Confinement(request.native, policy, ending: ending)
    let ram = try GuestRAM(
      try Self.layout(of: request), hasHugePages: request.native.hasHugePages)
    let vm = try Self.makeVM(device, ram: ram, topology: topology)
    let controllers = try InterruptControllers.make(for: topology, in: vm)
    let consoleStream = try GuestStream("the console")
    let telemetryStream = try GuestStream("telemetry")
    let (serial, line) = try Self.makeSerial(consoleStream, vm: vm)
    let console = try Self.makeConsole(telemetryStream, port: telemetryPort)
    var slots = [
      try VirtioSlot(
        console, named: "console", slot: 0, memory: ram.map, vm: vm,
        confinement: confinement)
    ]
    let disk = try Self.makeDisk(request.disk)
    if let disk {
      slots.append(
        try VirtioSlot(
          disk, named: "disk", slot: 1, memory: ram.map, vm: vm,
          confinement: confinement))
    }
    let entry = try Self.load(
      request, tail: initramfsTail, deviceCount: slots.count, ram: ram)
    let board = Board(
      serial: serial, serialLine: line, windows: slots.map(\.transport),
      windowsBase: GuestLayout.virtioDevices.lowerBound,
      windowSize: GuestLayout.virtioDeviceSize, sleepPort: ACPIMachine.Power().sleepPort)
    let handler = BoardHandler(board: board, controllers: controllers, ram: ram, ending: ending)
    let threads = try Self.makeVCPUs(
      request, entry: entry, device: device, vm: vm, controllers: controllers, handler: handler,
      confinement: confinement)
    serialInput = try MachineError.naming("listening to the console") {
      () throws(SystemCallError) in
      try SerialInput(serial, input: consoleStream.guestEnd, confinement: confinement)
    }
    vcpus = VCPUGroup(vm, threads, memory: ram)
    self.ending = ending
    self.slots = slots
    self.ram = ram
    self.disk = disk
    self.consoleStream = consoleStream
    self.telemetryStream = telemetryStream
    self.confinement = confinement
    // Last, since threads inherit the filter of the one that starts them.
    try confinement.bindMainThread()
    processorTimeAtStart = ProcessorTime.ofProcess()
    do {
      try vcpus.resume(withinMilliseconds: Self.graceMilliseconds)
    } catch {
      throw .vcpu(error)
    }
  }

  deinit {
    stop()
  }

  package var console: CInt { consoleStream.hostEnd }
  package var telemetry: CInt { telemetryStream.hostEnd }
  package var ended: CInt { ending.descriptor }

  package func end() throws(SystemCallError) -> MachineEnd? { ending.value }

  package func stop() {
    guard !hasStopped else { return }
    hasStopped = true
    let deadline = MonotonicTime.now().advanced(
      byNanoseconds: Self.graceMilliseconds * 1_000_000)
    // What does not answer dies with this process; there is nobody to tell any more.
    try? vcpus.stop(withinMilliseconds: Self.graceMilliseconds)
    for slot in slots { _ = slot.stop(until: deadline) }
    consoleStream.close()
    telemetryStream.close()
    _ = serialInput.stop(until: deadline)
  }

  package func diskCounters() -> BlockCounters? { disk?.counters() }

  package func diskFailure() -> String? { nil }

  package var sandbox: SandboxReport? { confinement.report }

  package var warnings: [String] { ram.warning.map { [$0] } ?? [] }

  package func exitCounts() -> [ExitCounts]? { vcpus.threads.map(\.exitCounts) }
}
