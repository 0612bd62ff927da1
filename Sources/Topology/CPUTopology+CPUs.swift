/// One CPU (hardware thread) of a topology, and where it stands.
package struct TopologyCPU: Hashable, Sendable {
  /// Its number, as the guest's kernel counts.
  package var index: Int
  /// Its NUMA node.
  package var node: Int
  /// Its LLC among all of the machine; each is a package of its own.
  package var llc: Int
  /// Its LLC among those of its node.
  package var llcInNode: Int
  /// Its core among all of the machine.
  package var core: Int
  /// Its core among those under its LLC.
  package var coreInLLC: Int
  /// Its thread among those of its core.
  package var threadInCore: Int
  /// Its APIC id, which is also the id that its vCPU is created with.
  package var apicID: UInt32

  /// Its package (socket).
  ///
  /// A package for each LLC, not for each node: packages are then all alike however uneven nodes
  /// are, as Linux before 6.9 takes for granted; QEMU's software CPU can have them, too; and what
  /// Linux derives from packages where it finds no L3 is right as well. Its scheduling domains do
  /// not look at packages, but at threads, LLCs and nodes.
  package var package: Int { llc }
}

extension CPUTopology {
  /// Bits of an APIC id that number the threads of a core; the lowest.
  package var threadBits: Int { Self.bits(for: threadsPerCore) }

  /// Bits that number the cores under an LLC, with the gap above them; above those of the thread.
  package var coreBits: Int { Self.bits(for: coresPerLLC) + apicIDGap }

  /// Bits that number the LLCs of the machine; the highest.
  package var llcBits: Int { Self.bits(for: llcCount) }

  /// The bits that it takes to tell this many things apart: the binary logarithm, rounded up.
  package static func bits(for count: Int) -> Int {
    count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount
  }

  /// All CPUs, in the order of their numbers; APIC ids ascend, too.
  package var cpus: [TopologyCPU] {
    nodes.indices.flatMap { node in
      let first = firstLLC(ofNode: node)
      return cpus(ofNode: node).map { cpu(at: $0, node: node, firstLLC: first) }
    }
  }

  /// The CPU of a number below ``cpuCount``.
  package func cpu(at index: Int) -> TopologyCPU {
    precondition((0..<cpuCount).contains(index), "there is no CPU \(index) of \(cpuCount)")
    let llc = index / cpusPerLLC
    var first = 0
    var node = 0
    while llc >= first + nodes[node].llcs {
      first += nodes[node].llcs
      node += 1
    }
    return cpu(at: index, node: node, firstLLC: first)
  }

  /// The APIC id of the last CPU, which is the highest.
  package var highestAPICID: UInt32 { cpu(at: cpuCount - 1).apicID }

  /// Numbers of the CPUs of a node; none where it has memory only.
  package func cpus(ofNode node: Int) -> Range<Int> {
    let first = firstLLC(ofNode: node)
    return first * cpusPerLLC..<(first + nodes[node].llcs) * cpusPerLLC
  }

  /// Numbers of the CPUs under an LLC of the machine.
  package func cpus(ofLLC llc: Int) -> Range<Int> {
    llc * cpusPerLLC..<(llc + 1) * cpusPerLLC
  }

  /// Numbers of the CPUs (threads) of a core of the machine.
  package func cpus(ofCore core: Int) -> Range<Int> {
    core * threadsPerCore..<(core + 1) * threadsPerCore
  }

  private func firstLLC(ofNode node: Int) -> Int {
    nodes[..<node].reduce(0) { $0 + $1.llcs }
  }

  private func cpu(at index: Int, node: Int, firstLLC: Int) -> TopologyCPU {
    let core = index / threadsPerCore
    let llc = core / coresPerLLC
    let thread = index % threadsPerCore
    let coreInLLC = core % coresPerLLC
    // At most 12 bits of LLCs, cores and threads in all, and one more for each that is uneven.
    let apicID = (llc << coreBits | coreInLLC) << threadBits | thread
    return TopologyCPU(
      index: index, node: node, llc: llc, llcInNode: llc - firstLLC, core: core,
      coreInLLC: coreInLLC, threadInCore: thread, apicID: UInt32(apicID))
  }
}
