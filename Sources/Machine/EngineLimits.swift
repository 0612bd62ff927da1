package import KVM
package import Topology

/// What an engine's board has room for.
package struct EngineLimits: Hashable, Sendable {
  /// The engine.
  package var engine: EngineKind
  /// Most CPUs.
  package var cpus: Int
  /// Most NUMA nodes.
  package var nodes: Int
  /// The highest APIC id.
  package var apicID: UInt32

  /// Gives limits.
  package init(engine: EngineKind, cpus: Int, nodes: Int, apicID: UInt32) {
    self.engine = engine
    self.cpus = cpus
    self.nodes = nodes
    self.apicID = apicID
  }

  /// The software CPU's board.
  package static let tcg = EngineLimits(
    engine: .tcg, cpus: QEMUCommand.maximumCPUs, nodes: QEMUCommand.maximumNodes,
    apicID: QEMUCommand.maximumAPICID)

  /// Our own board, on a kernel with these features.
  package static func kvm(_ features: KVMFeatures) -> EngineLimits {
    let hasWideIDs = features.hasSplitIRQChip && features.hasWideAPICIDs
    let ids = UInt32(clamping: features.apicIDLimit - 1)
    return EngineLimits(
      engine: .kvm, cpus: features.maximalVCPUs, nodes: CPUTopology.maximumNodes,
      apicID: hasWideIDs
        ? min(ids, highestAddressableID) : min(ids, InterruptControllers.highestNarrowID))
  }

  /// The highest id that an IOAPIC's entry has room for, with its extension.
  private static let highestAddressableID: UInt32 = 0x7fff

  /// The limits on this host.
  ///
  /// - Throws: ``MachineError/kvm(_:)``.
  package static func here(_ engine: EngineKind) throws(MachineError) -> EngineLimits {
    switch engine {
    case .tcg: return .tcg
    case .kvm:
      do {
        return .kvm(try KVMDevice().features())
      } catch {
        throw .kvm(error)
      }
    }
  }

  /// Sees that CPUs and nodes have room.
  ///
  /// - Throws: ``MachineError/tooManyCPUs(asked:limit:engine:)``,
  ///   ``MachineError/tooManyNodes(asked:limit:engine:)``,
  ///   ``MachineError/apicIDTooHigh(asked:limit:engine:)``.
  package func check(_ topology: CPUTopology) throws(MachineError) {
    guard topology.cpuCount <= cpus else {
      throw .tooManyCPUs(asked: topology.cpuCount, limit: cpus, engine: engine)
    }
    guard topology.nodes.count <= nodes else {
      throw .tooManyNodes(asked: topology.nodes.count, limit: nodes, engine: engine)
    }
    guard topology.highestAPICID <= apicID else {
      throw .apicIDTooHigh(asked: topology.highestAPICID, limit: apicID, engine: engine)
    }
  }
}
