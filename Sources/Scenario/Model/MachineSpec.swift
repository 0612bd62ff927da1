package import Topology

/// The guest that a scenario asks for.
package struct MachineSpec: Equatable, Sendable {
  /// Memory of a scenario that names none.
  package static let defaultMemory: UInt64 = 512 << 20
  /// The least memory of any guest; what a given kernel needs may be more.
  package static let minimumMemory: UInt64 = 64 << 20
  /// The most memory of a guest.
  package static let maximumMemory: UInt64 = 256 << 30
  /// The most CPUs: those whose use a worker notes; what an engine has room for may be less.
  package static let maximumCPUs = 1024

  /// How the CPUs lie to one another.
  package var topology: CPUTopology
  /// Memory in bytes, a multiple of 4 KiB.
  package var memory: UInt64
  /// The scratch disk; nil when the guest has none.
  package var disk: DiskSpec?

  /// Makes a machine out of checked parts.
  package init(
    topology: CPUTopology, memory: UInt64 = MachineSpec.defaultMemory, disk: DiskSpec? = nil
  ) {
    self.topology = topology
    self.memory = memory
    self.disk = disk
  }

  /// CPUs of the guest.
  package var cpus: Int { topology.cpuCount }
}

/// The guest's scratch disk.
package struct DiskSpec: Equatable, Sendable {
  /// The name of the disk in device counters.
  package static let deviceName = "disk"
  /// Bytes in a sector of a virtio block device (virtio 1.2 section 5.2.2).
  package static let sectorSize: UInt64 = 512
  /// The largest disk.
  package static let maximumSize: UInt64 = 1 << 40

  /// Size in bytes, a multiple of ``sectorSize``.
  package var size: UInt64
  /// Request queues.
  package var queues: Int
  /// How fast it is at most.
  package var throttle: DiskThrottle
  /// Deliberate faults, in the order of the file.
  package var faults: [DiskFault]

  /// The most request queues that a disk can have.
  package static let maximumQueues = 64

  /// Makes a disk out of checked parts.
  package init(
    size: UInt64, queues: Int = 1, throttle: DiskThrottle = DiskThrottle(),
    faults: [DiskFault] = []
  ) {
    self.size = size
    self.queues = queues
    self.throttle = throttle
    self.faults = faults
  }
}

/// How fast the scratch disk is at most; after a pause a second's worth goes at once.
package struct DiskThrottle: Equatable, Sendable {
  /// Requests in a second; nil sets no limit.
  package var operationsPerSecond: UInt64?
  /// Bytes in a second; nil sets no limit.
  package var bytesPerSecond: UInt64?

  /// Makes a limit out of checked parts.
  package init(operationsPerSecond: UInt64? = nil, bytesPerSecond: UInt64? = nil) {
    self.operationsPerSecond = operationsPerSecond
    self.bytesPerSecond = bytesPerSecond
  }
}

/// A deliberate fault of the scratch disk.
package struct DiskFault: Equatable, Sendable {
  /// Which requests it may hit.
  package enum Operation: String, CaseIterable, Sendable {
    /// Reads.
    case read
    /// Writes.
    case write
    /// Flushes.
    case flush
    /// Requests that give up blocks.
    case discard
    /// Requests that fill blocks with zeroes.
    case writeZeroes
    /// All of them, as far as the effect has a meaning for them.
    case any
  }

  /// What happens to a request that is hit.
  package enum Effect: Equatable, Sendable {
    /// Its data are changed; the request reports success.
    case corrupt
    /// It fails with an I/O error.
    case error
    /// It completes this much later, in nanoseconds.
    case delay(nanoseconds: UInt64)
    /// Only a part of its data is transferred, and it fails with an I/O error.
    case short
  }

  /// Which requests it may hit.
  package var operation: Operation
  /// What happens then.
  package var effect: Effect
  /// How likely each of them is hit, above 0 and up to 1.
  package var probability: Double
  /// Only requests that touch these bytes of the disk.
  package var range: Range<UInt64>

  /// Makes a fault out of checked parts.
  package init(
    operation: Operation, effect: Effect, probability: Double, range: Range<UInt64>
  ) {
    self.operation = operation
    self.effect = effect
    self.probability = probability
    self.range = range
  }
}
