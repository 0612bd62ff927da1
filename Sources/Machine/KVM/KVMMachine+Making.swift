import Boot
import Glibc
import GuestMemory
import HostOS
import KVM
import Sandbox
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
      return try PhysicalMemory(bytes: request.memoryBytes)
    } catch {
      throw .memory("\(error)")
    }
  }

  /// A VM with memory, for a topology that it has room for.
  static func makeVM(
    _ device: borrowing KVMDevice, ram: GuestRAM, topology: CPUTopology
  ) throws(MachineError) -> KVMVirtualMachine {
    let missing = try kvm { () throws(KVMError) in try device.missingCapabilities() }
    guard missing.isEmpty else { throw .capabilities(missing) }
    let features = try kvm { () throws(KVMError) in try device.features() }
    try EngineLimits.kvm(features).check(topology)
    KVMDevice.requestTileState()
    return try kvm { () throws(KVMError) in
      let vm = try device.makeVirtualMachine()
      try vm.setIdentityMapAddress(GuestLayout.kvmIdentityMap.lowerBound)
      try vm.setTSSAddress(UInt32(GuestLayout.kvmTSS.lowerBound))
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
    _ request: MachineRequest, tail: [UInt8], deviceCount: Int, ram: GuestRAM
  ) throws(MachineError) -> CPUState {
    let tables = try tables(request.topology, deviceCount: deviceCount, layout: ram.layout)
    let archives = try InitramfsParts(request.initramfs, tail: tail)
    let kernel = try KernelFile(request.kernelImage)
    let plan = try kernel.plan(
      BootRequest(
        memory: ram.layout, commandLine: try commandLine(request),
        initrdBytes: archives.byteCount, rsdpAddress: tables.rsdpAddress,
        entry: request.native.entry))
    for segment in plan.fileSegments { ram.makeHuge(segment.range) }
    if let room = plan.room { ram.makeHuge(room) }
    for segment in plan.fileSegments where segment.fileBytes > 0 {
      // The plan has checked the sum against the file's size.
      try ram.copy(
        kernel.descriptor.raw, segment.fileOffset..<segment.fileOffset + segment.fileBytes,
        to: segment.address, named: kernel.path)
    }
    if let initrd = plan.initrd { try archives.copy(to: initrd.address, in: ram) }
    for write in plan.writes { try ram.write(write.bytes, at: write.address) }
    try ram.write(tables.bytes, at: GuestLayout.acpiTables.lowerBound)
    return plan.entry
  }

  private static func commandLine(_ request: MachineRequest) throws(MachineError) -> CommandLine {
    do {
      var line = CommandLine()
      for argument in request.commandLine {
        try line.append(argument.text, because: argument.reason)
      }
      return line
    } catch {
      throw .boot(.commandLine(error))
    }
  }

  private static func tables(
    _ topology: CPUTopology, deviceCount: Int, layout: PhysicalMemory
  ) throws(MachineError) -> ACPITables {
    let tables: ACPITables
    do {
      let nodes = try layout.nodes(of: try topology.memoryShares(of: layout.bytes))
      let machine = ACPIMachine(
        topology: topology,
        memory: nodes.flatMap { node in
          node.ranges.map {
            ACPIMachine.MemoryRange(
              node: node.node, base: $0.lowerBound, length: UInt64($0.count))
          }
        },
        devices: (0..<deviceCount).map {
          ACPIMachine.VirtioDevice(
            base: UInt32(VirtioSlot.address(ofSlot: $0)), gsi: VirtioSlot.gsi(ofSlot: $0))
        })
      tables = try ACPITables.build(machine, base: GuestLayout.acpiTables.lowerBound)
    } catch {
      throw .description("\(error)")
    }
    guard tables.bytes.count <= GuestLayout.acpiTables.count else {
      throw .description(
        "\(tables.bytes.count) bytes of ACPI tables, there is room for "
          + "\(GuestLayout.acpiTables.count)")
    }
    return tables
  }

  static func makeVCPUs(
    _ request: MachineRequest, entry: CPUState, device: borrowing KVMDevice,
    vm: borrowing KVMVirtualMachine, controllers: InterruptControllers, handler: BoardHandler,
    confinement: Confinement
  ) throws(MachineError) -> [VCPUThread] {
    let supported = try kvm { () throws(KVMError) in
      try device.supportedCPUID().map { Boot.CPUIDEntry($0) }
    }
    let cpuid: GuestCPUID
    do {
      cpuid = try GuestCPUID(
        supported: supported, topology: request.topology,
        hasDedicatedCPUs: request.native.isPerformance,
        hasExtendedDestinations: controllers.hasExtendedDestinations)
    } catch {
      throw .description("\(error)")
    }
    let hostCPUs = try hostCPUs(for: request)
    var threads: [VCPUThread] = []
    for cpu in request.topology.cpus {
      let vcpu = try kvm { () throws(KVMError) in
        let vcpu = try vm.makeVCPU(apicID: cpu.apicID)
        try vcpu.prepare(
          cpuid: cpuid.entries(for: cpu).map { KVM.CPUIDEntry($0) },
          entry: cpu.index == 0 ? entry : nil, controllers: controllers)
        return vcpu
      }
      do {
        threads.append(
          try VCPUThread(
            vcpu, name: "vcpu\(cpu.index)", handler: handler,
            pinnedTo: hostCPUs.map { [$0[cpu.index]] } ?? [],
            realTimePriority: hostCPUs == nil ? nil : 1
          ) { confinement.bind(.virtualCPU) })
      } catch {
        throw .vcpu(error)
      }
    }
    return threads
  }

  /// The host's CPU for each vCPU where each shall have one; nil where they share.
  private static func hostCPUs(for request: MachineRequest) throws(MachineError) -> [UInt32]? {
    guard request.native.isPerformance else { return nil }
    let allowed = try MachineError.naming("listing the host's CPUs") {
      () throws(SystemCallError) in try HostCPUs.allowed()
    }
    guard allowed.count >= request.topology.cpuCount else {
      throw .description(
        "--perf: the guest has \(request.topology.cpuCount) CPUs, this process may use "
          + "\(allowed.count) of the host's")
    }
    return allowed
  }
}
