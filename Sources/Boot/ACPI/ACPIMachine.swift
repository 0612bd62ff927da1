package import Topology

/// What ACPI tables tell a guest of its machine.
package struct ACPIMachine: Sendable {
  /// RAM of a NUMA node.
  package struct MemoryRange: Hashable, Sendable {
    /// The node.
    package var node: Int
    /// Guest-physical address of the first byte.
    package var base: UInt64
    /// Bytes.
    package var length: UInt64

    /// Describes a range.
    package init(node: Int, base: UInt64, length: UInt64) {
      self.node = node
      self.base = base
      self.length = length
    }
  }

  /// A virtio device with registers in memory (virtio 1.2 section 4.2).
  package struct VirtioDevice: Hashable, Sendable {
    /// Guest-physical address of its registers.
    package var base: UInt32
    /// Bytes of them.
    package var length: UInt32
    /// Its interrupt: the pin of the I/O APIC, edge-triggered.
    package var gsi: UInt32

    /// Describes a device.
    package init(base: UInt32, length: UInt32 = 0x1000, gsi: UInt32) {
      self.base = base
      self.length = length
      self.gsi = gsi
    }
  }

  /// A serial port with the registers of an 8250.
  package struct SerialPort: Hashable, Sendable {
    /// The first of its eight ports.
    package var port: UInt16
    /// Its interrupt.
    package var gsi: UInt32

    /// Describes a port, by default COM1.
    package init(port: UInt16 = 0x3f8, gsi: UInt32 = 4) {
      self.port = port
      self.gsi = gsi
    }
  }

  /// The ports with which a guest ends itself.
  ///
  /// A guest restarts by writing ``resetValue`` to ``resetPort``; the defaults are the keyboard
  /// controller's reset, which Linux also tries when it has no ACPI. It powers off by writing a
  /// byte with bit 5 (SLP_EN) set to ``sleepPort``; before that it writes 0x80 there and afterwards
  /// it may read until bit 7 is set, which all ones are.
  package struct Power: Hashable, Sendable {
    /// SLP_EN in what is written to ``sleepPort`` (ACPI 6.5 section 4.8.3.7).
    package static let sleepEnable: UInt8 = 1 << 5

    /// Where a restart is written.
    package var resetPort: UInt16
    /// What is written for a restart.
    package var resetValue: UInt8
    /// The sleep control and status register.
    package var sleepPort: UInt16

    /// Describes the ports.
    package init(resetPort: UInt16 = 0x64, resetValue: UInt8 = 0xfe, sleepPort: UInt16 = 0x600) {
      self.resetPort = resetPort
      self.resetValue = resetValue
      self.sleepPort = sleepPort
    }
  }

  /// Pins of KVM's I/O APIC.
  package static let interruptPins: UInt32 = 24
  /// Where KVM has its I/O APIC (C name: `IOAPIC_DEFAULT_BASE_ADDRESS`).
  package static let ioapicAddress: UInt32 = 0xfec0_0000
  /// Where local APICs are after a reset.
  package static let localAPICAddress: UInt32 = 0xfee0_0000
  /// Devices that can be named with three hexadecimal digits.
  package static let maximumDevices = 4096

  /// CPUs, nodes and distances.
  package var topology: CPUTopology
  /// All RAM, without holes.
  package var memory: [MemoryRange]
  /// Virtio devices, numbered in this order.
  package var devices: [VirtioDevice]
  /// The serial port; nil where there is none.
  package var serial: SerialPort?
  /// How the guest ends itself.
  package var power: Power

  /// Describes a machine.
  package init(
    topology: CPUTopology, memory: [MemoryRange], devices: [VirtioDevice],
    serial: SerialPort? = SerialPort(), power: Power = Power()
  ) {
    self.topology = topology
    self.memory = memory
    self.devices = devices
    self.serial = serial
    self.power = power
  }

  /// Sees that tables can describe it.
  ///
  /// - Throws: ``ACPIError``.
  func check() throws(ACPIError) {
    try checkMemory()
    guard devices.count <= Self.maximumDevices else {
      throw .tooManyDevices(devices.count, limit: Self.maximumDevices)
    }
    for device in devices {
      let end = UInt64(device.base) + UInt64(device.length)
      guard device.length > 0, end <= 1 << 32 else {
        throw .deviceWindow(base: device.base, length: device.length)
      }
    }
    var interrupts: Set<UInt32> = []
    for gsi in devices.map(\.gsi) + (serial.map { [$0.gsi] } ?? []) {
      guard (1..<Self.interruptPins).contains(gsi) else { throw .interrupt(gsi) }
      guard interrupts.insert(gsi).inserted else { throw .sharedInterrupt(gsi) }
    }
  }

  private func checkMemory() throws(ACPIError) {
    var end: UInt64 = 0
    var previous: UInt64?
    for range in memory.sorted(by: { $0.base < $1.base }) {
      let (next, overflows) = range.base.addingReportingOverflow(range.length)
      guard !overflows, range.length > 0, topology.nodes.indices.contains(range.node) else {
        throw .memoryRange(node: range.node, base: range.base, length: range.length)
      }
      if let previous, range.base < end { throw .overlappingMemory(previous, range.base) }
      end = next
      previous = range.base
    }
    for node in topology.nodes.indices where !memory.contains(where: { $0.node == node }) {
      throw .nodeWithoutMemory(node)
    }
  }
}
