import Boot
import Glibc
package import HostOS
import KVM
import SystemPackage
import Topology
package import Virtio

/// Our own VMM: vCPUs of `/dev/kvm`, and our devices on a board of ours.
package final class KVMMachine: Machine {
  /// How long vCPUs and devices may take to end.
  private static let grace: UInt64 = 2_000_000_000
  /// The GSI of the first serial port, as on a PC.
  static let serialGSI: UInt32 = 4

  // In the order in which they must go: the VM before the memory that it maps.
  private let vcpus: VCPUThreads
  private let slots: [VirtioSlot]
  private let serialInput: SerialInput
  private let vm: KVMVirtualMachine
  private let ram: GuestRAM
  private let board: Board
  private let serialLine: EventInterruptLine
  private let disk: BlockDevice?
  private let consoleStream: GuestStream
  private let telemetryStream: GuestStream
  private let ending: Ending
  private var hasStopped = false

  /// Starts a guest.
  ///
  /// - Parameter initramfsTail: put behind the archives of the request.
  /// - Throws: ``MachineError``.
  package init(
    _ request: MachineRequest, initramfsTail: [UInt8], telemetryPort: String
  ) throws(MachineError) {
    let topology = request.topology
    let ram = try GuestRAM(try Self.layout(of: request))
    let vm = try Self.makeVM(ram: ram, hasWideIDs: topology.highestAPICID > 254)
    let consoleStream = try GuestStream("the console")
    let telemetryStream = try GuestStream("telemetry")
    let (serial, line) = try Self.makeSerial(consoleStream, vm: vm)
    let console = try Self.makeConsole(telemetryStream, port: telemetryPort)
    var slots = [try VirtioSlot(console, named: "console", slot: 0, memory: ram.map, vm: vm)]
    let disk = try Self.makeDisk(request.disk)
    if let disk {
      slots.append(try VirtioSlot(disk, named: "disk", slot: 1, memory: ram.map, vm: vm))
    }
    board = Board(
      serial: serial, windows: slots.map(\.transport),
      windowsBase: GuestLayout.virtio.lowerBound, windowSize: GuestLayout.virtioSize,
      sleepPort: ACPIMachine.Power().sleepPort)
    let entry = try Self.load(
      request, tail: initramfsTail, topology: topology, deviceCount: slots.count, ram: ram)
    let cpus = try Self.makeVCPUs(topology, entry: entry, vm: vm)
    let ending = try MachineError.naming("preparing the end", Ending.init)
    serialInput = try MachineError.naming("listening to the console") {
      () throws(SystemCallError) in try SerialInput(serial, input: consoleStream.guestEnd)
    }
    let board = board
    vcpus = try MachineError.naming("starting the vCPUs") { () throws(SystemCallError) in
      try VCPUThreads(cpus, board: board, ending: ending)
    }
    self.ending = ending
    self.slots = slots
    self.vm = vm
    self.ram = ram
    self.disk = disk
    self.consoleStream = consoleStream
    self.telemetryStream = telemetryStream
    serialLine = line
  }

  package var console: CInt { consoleStream.hostEnd }
  package var telemetry: CInt { telemetryStream.hostEnd }
  package var ended: CInt { ending.descriptor }

  package func end() throws(SystemCallError) -> MachineEnd? { ending.value }

  package func stop() {
    guard !hasStopped else { return }
    hasStopped = true
    let deadline = MonotonicTime.now().advanced(byNanoseconds: Self.grace)
    _ = vcpus.stop(until: deadline)
    for slot in slots { _ = slot.stop(until: deadline) }
    consoleStream.close()
    telemetryStream.close()
    _ = serialInput.stop(until: deadline)
  }

  package func diskCounters() -> BlockCounters? { disk?.counters() }

  package func diskFailure() -> String? { nil }
}
