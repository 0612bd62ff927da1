package import Topology

/// What CPUID answers on each CPU of a guest: what the host supports, with the topology written
/// over it.
///
/// Leaves that KVM has nothing about, and all that no edit names, stay as the host has them: cache
/// sizes, the brand string, KVM's own leaves (its signature, kvmclock, steal time). Sources: Intel
/// SDM volume 2A (CPUID), AMD APM volume 3 appendix E, Linux Documentation/virt/kvm/x86/errata.rst
/// and cpuid.rst.
package struct GuestCPUID: Sendable {
  /// The most entries that KVM takes (C name: `KVM_MAX_CPUID_ENTRIES`).
  private static let limit = 256

  /// Answers that are the same on all CPUs, in the order of leaves and subleaves.
  private let common: [CPUIDEntry]
  private let topology: CPUTopology

  /// Edits what `KVM_GET_SUPPORTED_CPUID` gave.
  ///
  /// - Parameters:
  ///   - supported: KVM's list.
  ///   - topology: The guest's CPUs.
  ///   - hasDedicatedCPUs: Whether each vCPU has a CPU of the host to itself; the guest then spins
  ///     where it would otherwise ask for help (C name: `KVM_HINTS_REALTIME`).
  ///   - hasExtendedDestinations: Whether the IOAPIC takes APIC ids of 15 bits
  ///     (C name: `KVM_FEATURE_MSI_EXT_DEST_ID`); without that Linux uses none above 254.
  /// - Throws: ``CPUIDError``.
  package init(
    supported: [CPUIDEntry], topology: CPUTopology, hasDedicatedCPUs: Bool = false,
    hasExtendedDestinations: Bool = false
  ) throws(CPUIDError) {
    guard let first = supported[leaf: 0] else { throw .missingLeaf(0) }
    guard supported[leaf: 1] != nil else { throw .missingLeaf(1) }
    let vendor = CPUIDVendor(first)
    var list = supported
    Self.editBasics(&list, topology)
    Self.editAbsentFeatures(&list, vendor)
    switch vendor {
    case .intel: Self.editIntel(&list, topology)
    case .amd: Self.editAMD(&list, topology)
    }
    Self.addTopology(&list, topology)
    list.edit(0x4000_0001) {
      $0.eax.set(bit: 15, to: hasExtendedDestinations)
      $0.edx.set(bit: 0, to: hasDedicatedCPUs)
    }
    list.sort { ($0.function, $0.index) < ($1.function, $1.index) }
    guard list.count <= Self.limit else { throw .tooManyEntries(list.count, limit: Self.limit) }
    common = list
    self.topology = topology
  }

  /// The answers on one CPU of the topology.
  package func entries(for cpu: TopologyCPU) -> [CPUIDEntry] {
    var list = common
    list.edit(1) { $0.ebx.set(bits: 24...31, to: Int(cpu.apicID & 0xff)) }
    for leaf in [0xb, 0x1f] as [UInt32] { list.edit(leaf) { $0.edx = cpu.apicID } }
    list.edit(0x8000_001e) {
      $0.eax = cpu.apicID
      $0.ebx.set(bits: 0...7, to: cpu.coreInLLC & 0xff)
      // Linux takes it for the LLC on AMD CPUs before Zen.
      $0.ecx.set(bits: 0...7, to: cpu.package & 0xff)
    }
    return list
  }
}

// MARK: - Edits for both vendors

extension GuestCPUID {
  private static func editBasics(_ list: inout [CPUIDEntry], _ topology: CPUTopology) {
    list.edit(1) {
      // CLFLUSH lines of 64 bytes.
      $0.ebx.set(bits: 8...15, to: 8)
      // APIC ids of a package; more than 255 have no room here, and Linux reads leaf 0xB.
      $0.ebx.set(bits: 16...23, to: 1 << (topology.threadBits + topology.coreBits))
      // PDCM tells of performance counters, which leaf 0xA denies.
      $0.ecx.set(bit: 15, to: false)
      $0.ecx.set(bit: 21, to: true)  // x2APIC
      // KVM's local APIC has it, but older kernels do not list it.
      $0.ecx.set(bit: 24, to: true)  // TSC deadline timer
      $0.ecx.set(bit: 31, to: true)  // hypervisor
      $0.edx.set(bit: 28, to: topology.cpusPerLLC > 1)  // HTT
    }
    // Turbo and energy bias are the host's.
    list.edit(6) {
      $0.eax.set(bit: 1, to: false)
      $0.ecx.set(bit: 3, to: false)
    }
    list.replace(0xa, with: [CPUIDEntry(function: 0xa)])
    // Host APIC ids, whatever KVM says of them.
    list.removeAll { $0.function == 0x8000_0026 }
  }

  private static func editAbsentFeatures(_ list: inout [CPUIDEntry], _ vendor: CPUIDVendor) {
    for position in list.indices where list[position].function == 7 && list[position].index == 0 {
      switch vendor {
      case .intel:
        // Each says that something is absent, and KVM's documentation wants them set.
        list[position].ebx.set(bit: 6, to: true)  // x87 data pointers without exceptions
        list[position].ebx.set(bit: 13, to: true)  // x87 code and data segments
      case .amd:
        // KVM makes it up; no AMD CPU has the MSR.
        list[position].edx.set(bit: 29, to: false)  // ARCH_CAPABILITIES
      }
      // A guest that naps in user space is out of its scheduler's sight.
      list[position].ecx.set(bit: 5, to: false)  // WAITPKG
    }
  }

  /// Leaves 0xB and 0x1F, the same in both: threads, cores, and the end.
  private static func addTopology(_ list: inout [CPUIDEntry], _ topology: CPUTopology) {
    let last = list[leaf: 0]?.eax ?? 0
    for leaf in [0xb, 0x1f] as [UInt32] {
      guard leaf <= last else {
        list.replace(leaf, with: [])
        continue
      }
      func level(_ index: UInt32, type: UInt32, shift: Int, cpus: Int) -> CPUIDEntry {
        CPUIDEntry(
          function: leaf, index: index, flags: CPUIDEntry.significantIndex, eax: UInt32(shift),
          ebx: UInt32(cpus), ecx: type << 8 | index)
      }
      list.replace(
        leaf,
        with: [
          level(0, type: 1, shift: topology.threadBits, cpus: topology.threadsPerCore),
          level(
            1, type: 2, shift: topology.threadBits + topology.coreBits, cpus: topology.cpusPerLLC),
          level(2, type: 0, shift: 0, cpus: 0),
        ])
    }
  }
}

// MARK: - Edits for one vendor

extension GuestCPUID {
  private static func editIntel(_ list: inout [CPUIDEntry], _ topology: CPUTopology) {
    list.edit(0) { $0.eax = max($0.eax, 0x1f) }
    list.replace(4, with: CacheLevels(list, vendor: .intel).intelLeaves(topology))
  }

  private static func editAMD(_ list: inout [CPUIDEntry], _ topology: CPUTopology) {
    let caches = CacheLevels(list, vendor: .amd)
    // Zen has leaf 0xB; a host that hides it does not keep a guest from seeing its own.
    list.edit(0) { $0.eax = max($0.eax, 0xb) }
    list.editOrAdd(0x8000_0000) { $0.eax = max($0.eax, 0x8000_001e) }
    for leaf in [1, 0x8000_0001] as [UInt32] {
      list.edit(leaf) {
        var signature = CPUSignature(rawValue: $0.eax)
        signature.generaliseCacheNumbering()
        $0.eax = signature.rawValue
      }
    }
    list.editOrAdd(0x8000_0001) {
      $0.ecx.set(bit: 1, to: topology.cpusPerLLC > 1)  // CmpLegacy
      // The leaves are answered by KVM from this list, so no host needs to have them.
      $0.ecx.set(bit: 22, to: true)  // TopologyExtensions
    }
    list.edit(0x8000_0006) { if $0.edx == 0 { $0.edx = caches.amdL3Descriptor } }
    list.editOrAdd(0x8000_0008) {
      $0.ecx.set(bits: 0...7, to: topology.cpusPerLLC - 1)
      $0.ecx.set(bits: 12...15, to: topology.threadBits + topology.coreBits)
    }
    list.replace(0x8000_001d, with: caches.amdLeaves(topology))
    var identifiers = CPUIDEntry(function: 0x8000_001e)
    identifiers.ebx.set(bits: 8...15, to: topology.threadsPerCore - 1)
    list.replace(0x8000_001e, with: [identifiers])
  }
}
