import Topology

// What the tables say of power management, interrupts and devices.
extension ACPIMachine {
  /// FADT of revision 6.5 (ACPI 6.5 section 5.2.9).
  func fadt(dsdt: UInt64) -> [UInt8] {
    var table = ACPITable("FACP", revision: 6)
    // FACS to CENTURY: fields of a machine with registers that this one has not.
    table.appendZeros(109 - table.bytes.count)
    table.append(BootFlags.noVGA | BootFlags.noRTC)
    table.appendZeros(1)
    table.append(
      FixedFlags.wbinvd | FixedFlags.c1 | FixedFlags.noPowerButton | FixedFlags.noSleepButton
        | FixedFlags.noRTCWake | FixedFlags.resetRegister | FixedFlags.headless
        | FixedFlags.hardwareReduced)
    table.append(port: power.resetPort)
    table.append(power.resetValue)
    table.appendZeros(2)  // ARM's boot flags
    table.append(UInt8(5))  // minor version
    table.append(UInt64(0))  // FACS
    table.append(dsdt)
    table.appendZeros(244 - table.bytes.count)  // power management registers
    table.append(port: power.sleepPort)  // control
    table.append(port: power.sleepPort)  // status
    table.append(text: "KTSTR\0\0\0")  // who the hypervisor is
    return table.finished()
  }

  /// IAPC_BOOT_ARCH (section 5.2.9.3); that no keyboard controller is declared spares its probe.
  private enum BootFlags {
    static let noVGA: UInt16 = 1 << 2
    static let noRTC: UInt16 = 1 << 5
  }

  /// Fixed feature flags (section 5.2.9, table 5.10).
  private enum FixedFlags {
    static let wbinvd: UInt32 = 1 << 0
    static let c1: UInt32 = 1 << 2
    static let noPowerButton: UInt32 = 1 << 4
    static let noSleepButton: UInt32 = 1 << 5
    static let noRTCWake: UInt32 = 1 << 6
    static let resetRegister: UInt32 = 1 << 10
    static let headless: UInt32 = 1 << 12
    static let hardwareReduced: UInt32 = 1 << 20
  }

  /// MADT (section 5.2.12): each CPU in the order of the guest's numbers, the I/O APIC, the NMI.
  ///
  /// There is no interrupt source override, because KVM's default routing leads GSI n to pin n, 0
  /// included. PC/AT compatibility is denied: the guest is to leave the PICs alone.
  var madt: [UInt8] {
    var table = ACPITable("APIC", revision: 5)
    table.append(Self.localAPICAddress)
    table.append(UInt32(0))
    let cpus = topology.cpus
    for cpu in cpus {
      if let id = UInt8(exactly: cpu.apicID), id != .max {
        // No id is below the CPU's number, so that fits, too.
        table.append([0, 8, UInt8(truncatingIfNeeded: cpu.index), id])
        table.append(UInt32(1))
      } else {
        table.append([9, 16, 0, 0])
        table.append(cpu.apicID)
        table.append(UInt32(1))
        table.append(UInt32(cpu.index))
      }
    }
    table.append([1, 12, 0, 0])
    table.append(Self.ioapicAddress)
    table.append(UInt32(0))  // its first GSI
    // LINT1 of all CPUs is the NMI.
    table.append([4, 6, 0xff, 0, 0, 1])
    if topology.highestAPICID >= 0xff {
      table.append([10, 12, 0, 0])
      table.append(UInt32.max)
      table.append([1, 0, 0, 0])
    }
    return table.finished()
  }

  /// DSDT: how to power off, the serial port, and a device for each virtio transport.
  var dsdt: [UInt8] {
    var devices: [[UInt8]] = []
    if let serial {
      devices.append(
        AML.device(
          "COM1",
          [
            AML.name("_HID", AML.eisaID("PNP0501")), AML.name("_UID", AML.integer(1)),
            AML.name(
              "_CRS",
              AML.resources([AML.ports(serial.port, count: 8), AML.interrupt(serial.gsi)])),
          ]))
    }
    for (index, device) in self.devices.enumerated() {
      let digits = String(index, radix: 16, uppercase: true)
      devices.append(
        AML.device(
          "V" + String(repeating: "0", count: 3 - digits.count) + digits,
          [
            // The identifier that Linux' virtio_mmio driver answers to.
            AML.name("_HID", AML.string("LNRO0005")),
            AML.name("_UID", AML.integer(UInt64(index))), AML.name("_CCA", AML.integer(1)),
            AML.name(
              "_CRS",
              AML.resources([
                AML.memory(base: device.base, length: device.length), AML.interrupt(device.gsi),
              ])),
          ]))
    }
    var table = ACPITable("DSDT", revision: 2)
    // Sleep type 5 for S5; the register has room for three bits.
    table.append(
      AML.name("_S5_", AML.list([AML.integer(5), AML.integer(0), AML.integer(0), AML.integer(0)])))
    table.append(AML.scope("_SB_", devices))
    return table.finished()
  }
}

// What the tables say of NUMA nodes.
extension ACPIMachine {
  /// SRAT (section 5.2.16): the node of each CPU, and of each range of memory.
  var srat: [UInt8] {
    var table = ACPITable("SRAT", revision: 3)
    table.append(UInt32(1))
    table.append(UInt64(0))
    for cpu in topology.cpus {
      table.append([2, 24, 0, 0])
      table.append(UInt32(cpu.node))
      table.append(cpu.apicID)
      table.append(UInt32(1))  // enabled
      table.append(UInt64(0))
    }
    for range in memory {
      table.append([1, 40])
      table.append(UInt32(range.node))
      table.append(UInt16(0))
      table.append(range.base)
      table.append(range.length)
      table.append(UInt32(0))
      table.append(UInt32(1))  // enabled
      table.append(UInt64(0))
    }
    return table.finished()
  }

  /// SLIT (section 5.2.17): the distance of each node to each.
  var slit: [UInt8] {
    var table = ACPITable("SLIT", revision: 1)
    table.append(UInt64(topology.nodes.count))
    for row in topology.distances { table.append(row) }
    return table.finished()
  }
}
