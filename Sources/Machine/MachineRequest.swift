package import Topology

/// What a run asks of an engine; kept as `machine.json` in the run directory.
package struct MachineRequest: Codable, Equatable, Sendable {
  /// The engine.
  package var engine: EngineKind
  /// Program of an engine that is a process of its own; nil for ours.
  package var enginePath: String?
  /// How a software CPU spreads its vCPUs over host threads.
  package var threading: Threading
  /// Kernel image: an ELF vmlinux, or a bzImage.
  package var kernelImage: String
  /// Archives that make up the initramfs, in the order in which the kernel unpacks them.
  package var initramfs: [String]
  /// Kernel command line.
  package var commandLine: [KernelArgument]
  /// CPUs, caches and NUMA nodes.
  package var topology: CPUTopology
  /// RAM in bytes.
  package var memoryBytes: UInt64
  /// The scratch disk.
  package var disk: DiskRequest?
  /// Features that the CPUs have beyond the engine's usual ones, by QEMU's names, such as `svm`.
  package var cpuFeatures: [String]
  /// What only our own engine looks at.
  package var native: NativeOptions

  /// Makes a request.
  package init(
    engine: EngineKind, enginePath: String?, threading: Threading, kernelImage: String,
    initramfs: [String], commandLine: [KernelArgument], topology: CPUTopology,
    memoryBytes: UInt64, disk: DiskRequest?, cpuFeatures: [String] = [],
    native: NativeOptions = NativeOptions()
  ) {
    self.engine = engine
    self.native = native
    self.enginePath = enginePath
    self.threading = threading
    self.kernelImage = kernelImage
    self.initramfs = initramfs
    self.commandLine = commandLine
    self.topology = topology
    self.memoryBytes = memoryBytes
    self.disk = disk
    self.cpuFeatures = cpuFeatures
  }
}

/// The engines.
package enum EngineKind: String, Codable, Sendable, CaseIterable {
  /// Our own VMM on `/dev/kvm`.
  case kvm
  /// QEMU's software CPU and board, our devices.
  case tcg
}

/// How a software CPU spreads its vCPUs over host threads.
package enum Threading: String, Codable, Sendable {
  /// A host thread for each vCPU.
  case multi
  /// One host thread for all: slower, and without the races of the other.
  case single
}

/// One kernel argument and why it is there.
package struct KernelArgument: Codable, Equatable, Sendable {
  /// The argument as it stands on the command line.
  package var text: String
  /// Why.
  package var reason: String

  /// Makes an argument.
  package init(_ text: String, because reason: String) {
    self.text = text
    self.reason = reason
  }
}

/// The scratch disk that a run asks for.
package struct DiskRequest: Codable, Equatable, Sendable {
  /// Size in bytes, a multiple of 512.
  package var bytes: UInt64
  /// Answer to GET_ID, at most 20 ASCII characters.
  package var serial: String
  /// Seed of the faults.
  package var seed: UInt64
  /// Faults to inject.
  package var faults: [Fault]
  /// Request queues, 1 to 64.
  package var queues: Int
  /// Requests that it serves in a second at most; nil sets no limit.
  package var operationsPerSecond: UInt64?
  /// Bytes that it moves in a second at most; nil sets no limit.
  package var bytesPerSecond: UInt64?
  /// Where to keep the content; nil keeps it in memory only.
  package var keptAt: String?

  /// A fault of the disk's backing.
  package struct Fault: Codable, Equatable, Sendable {
    /// Which requests can be hit.
    package enum Operation: String, Codable, Sendable {
      case read, write, flush, discard, writeZeroes, any
    }
    /// What happens to one that is.
    package enum Effect: Codable, Equatable, Sendable {
      case error
      case corrupt
      case short
      case delay(nanoseconds: UInt64)
    }

    /// Which requests can be hit.
    package var operation: Operation
    /// What happens to one that is.
    package var effect: Effect
    /// Chance of a hit, above 0 and at most 1.
    package var probability: Double
    /// The bytes of the disk that are affected.
    package var range: Range<UInt64>

    /// Makes a fault.
    package init(
      operation: Operation, effect: Effect, probability: Double, range: Range<UInt64>
    ) {
      self.operation = operation
      self.effect = effect
      self.probability = probability
      self.range = range
    }
  }

  /// Makes a disk.
  package init(
    bytes: UInt64, serial: String, seed: UInt64 = 0, faults: [Fault] = [], queues: Int = 1,
    operationsPerSecond: UInt64? = nil, bytesPerSecond: UInt64? = nil, keptAt: String? = nil
  ) {
    self.queues = queues
    self.operationsPerSecond = operationsPerSecond
    self.bytesPerSecond = bytesPerSecond
    self.bytes = bytes
    self.serial = serial
    self.seed = seed
    self.faults = faults
    self.keptAt = keptAt
  }
}
