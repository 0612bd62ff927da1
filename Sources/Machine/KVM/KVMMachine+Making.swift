import Boot
import Glibc
import GuestMemory
import HostOS
import KVM
import SystemPackage
import Topology
import Virtio

extension KVMMachine {
  /// Runs calls to `/dev/kvm`.
  static func kvm<Result: ~Copyable>(
    _ body: () throws(KVMError) -> Result
  ) throws(MachineError) -> Result {
    do {
      return try body()
    } catch {
      throw .kvm(error)
    }
  }

  static func layout(of request: MachineRequest) throws(MachineError) -> PhysicalMemory {
    do {
      return try PhysicalMemory(byteCount: request.memoryBytes)
    } catch {
      throw .memory("\(error)")
    }
  }

  /// A VM with memory and interrupt controllers.
  static func makeVM(
    ram: borrowing GuestRAM, hasWideIDs: Bool
  ) throws(MachineError) -> KVMVirtualMachine {
    let device = try kvm { () throws(KVMError) in try KVMDevice() }
    let missing = try kvm { () throws(KVMError) in try device.missingCapabilities() }
    guard missing.isEmpty else { throw .capabilities(missing) }
    KVMDevice.requestTileState()
    return try kvm { () throws(KVMError) in
      let vm = try device.makeVirtualMachine()
      try vm.setIdentityMapAddress(GuestLayout.identityMap.lowerBound)
      try vm.setTSSAddress(UInt32(GuestLayout.taskState.lowerBound))
      try vm.createInterruptControllers()
      try vm.createTimer()
      for (slot, region) in ram.map.regions.enumerated() {
        // The region lives as long as the map, which the machine keeps longer than the VM.
        try unsafe vm.setMemory(
          slot: UInt32(slot), guestAddress: region.base.rawValue,
          memory: UnsafeMutableRawBufferPointer(
            start: region.unsafeHostBase, count: Int(region.size)))
      }
      return vm
    }
  }

  static func makeSerial(
    _ stream: GuestStream, vm: borrowing KVMVirtualMachine
  ) throws(MachineError) -> (SerialPort, EventInterruptLine) {
    let line = try MachineError.naming("making the serial port") { () throws(SystemCallError) in
      try EventInterruptLine()
    }
    try kvm { () throws(KVMError) in try vm.addInterrupt(gsi: serialGSI, from: line.shared.raw) }
    return (SerialPort(output: stream.guestEnd, line: line), line)
  }

  static func makeConsole(
    _ stream: GuestStream, port: String
  ) throws(MachineError) -> ConsoleDevice {
    try MachineError.naming("making the telemetry port") { () throws(SystemCallError) in
      try ConsoleDevice([
        ConsolePortOptions(
          name: port, sink: try DescriptorSink(try stream.duplicateGuestEnd()),
          source: try DescriptorSource(try stream.duplicateGuestEnd()))
      ])
    }
  }

  static func makeDisk(_ request: DiskRequest?) throws(MachineError) -> BlockDevice? {
    guard let request else { return nil }
    do {
      return try request.makeDevice()
    } catch {
      throw .disk("\(error)")
    }
  }

  /// Fills the guest's memory with all that it starts with.
  static func load(
    _ request: MachineRequest, tail: [UInt8], topology: CPUTopology, deviceCount: Int,
    ram: borrowing GuestRAM
  ) throws(MachineError) -> CPUState {
    let tables = try tables(topology, deviceCount: deviceCount, layout: ram.layout)
    let archives = try InitramfsParts(request.initramfs, tail: tail)
    let kernel = try KernelFile(request.kernelImage)
    let plan = try kernel.plan(
      BootOrder(
        memory: ram.layout,
        commandLine: Array(request.commandLine.map(\.text).joined(separator: " ").utf8),
        initrdByteCount: archives.byteCount, rsdp: tables.rsdpAddress),
      entry: .linux64)
    for segment in plan.fileSegments {
      try ram.copy(
        kernel.descriptor.raw, segment.file, to: segment.addresses.lowerBound, named: kernel.path)
    }
    try archives.copy(to: plan.initrd.lowerBound, in: ram)
    for write in plan.writes { try ram.write(write.bytes, at: write.address) }
    try ram.write(tables.bytes, at: GuestLayout.acpi.lowerBound)
    return plan.entry
  }

  private static func tables(
    _ topology: CPUTopology, deviceCount: Int, layout: PhysicalMemory
  ) throws(MachineError) -> ACPITables {
    do {
      let shares = try topology.memoryShares(of: layout.byteCount)
      let ranges = try layout.addresses(ofShares: shares)
      let machine = ACPIMachine(
        topology: topology,
        memory: ranges.enumerated().flatMap { node, ranges in
          ranges.map {
            ACPIMachine.MemoryRange(
              node: node, base: $0.lowerBound, length: UInt64($0.count))
          }
        },
        devices: (0..<deviceCount).map {
          ACPIMachine.VirtioDevice(
            base: UInt32(VirtioSlot.address(ofSlot: $0)), gsi: VirtioSlot.gsi(ofSlot: $0))
        })
      let tables = try ACPITables.build(machine, base: GuestLayout.acpi.lowerBound)
      guard tables.bytes.count <= GuestLayout.acpi.count else {
        throw MachineError.description(
          "\(tables.bytes.count) bytes of ACPI tables, there is room for "
            + "\(GuestLayout.acpi.count)")
      }
      return tables
    } catch let error as MachineError {
      throw error
    } catch {
      throw .description("\(error)")
    }
  }

  static func makeVCPUs(
    _ topology: CPUTopology, entry: CPUState, vm: borrowing KVMVirtualMachine
  ) throws(MachineError) -> [VCPUThreads.Box] {
    let supported = try kvm { () throws(KVMError) in
      try KVMDevice().supportedCPUID().map { Boot.CPUIDEntry($0) }
    }
    let cpuid: GuestCPUID
    do {
      cpuid = try GuestCPUID(supported: supported, topology: topology)
    } catch {
      throw .description("\(error)")
    }
    return try kvm { () throws(KVMError) in
      var result: [VCPUThreads.Box] = []
      for cpu in topology.cpus {
        let vcpu = try vm.makeVCPU(apicID: cpu.apicID)
        try vcpu.prepare(
          cpuid: cpuid.entries(for: cpu).map { KVM.CPUIDEntry($0) },
          entry: cpu.index == 0 ? entry : nil)
        result.append(VCPUThreads.Box(vcpu))
      }
      return result
    }
  }
}
