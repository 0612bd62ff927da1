import GuestMemory
import HostOS
import Synchronization
package import Virtio

/// A random workload of a disk whose every read is held against a model.
package struct DiskWorkload: Sendable {
  /// Requests of all queues together.
  package var requests = 20_000
  /// Equal seeds give equal workloads, one queue at a time.
  package var seed: UInt64 = 1
  /// Queues, each driven by a thread of its own.
  package var queues = 1
  /// Sectors of the disk; few, so that requests overlap.
  package var sectors = 512
  /// Requests that each queue has under way at most, up to 16.
  package var depth = 12
  /// Who moves the bytes.
  package var engine = BlockEngineChoice.synchronous
  /// Whether the queues stop and go on now and then.
  package var stops = true
  /// What goes wrong; corruption is not forgiven.
  package var faults: FaultPlan?

  /// What came of it.
  package struct Report: Sendable {
    /// Requests that were answered.
    package internal(set) var answered = 0
    /// Requests that failed.
    package internal(set) var failed = 0
    /// Sectors that were read and compared.
    package internal(set) var compared = 0
    /// What was wrong, the first few.
    package internal(set) var troubles: [String] = []
    /// What the device counted.
    package internal(set) var counters = BlockCounters()

    mutating func note(_ trouble: String) {
      if troubles.count < 10 { troubles.append(trouble) }
    }
  }

  /// Makes the defaults.
  package init() {}

  /// Errors, short transfers and delays of every operation, now and then.
  package static func usualFaults(seed: UInt64) -> FaultPlan {
    var rules: [FaultPlan.Rule] = []
    for operation in [.read, .write, .flush, .discard, .writeZeroes] as [FaultPlan.Operation] {
      rules.append(.init(operation, .delay(nanoseconds: 100_000), probability: 0.002))
      rules.append(.init(operation, .error, probability: 0.01))
      rules.append(.init(operation, .short, probability: 0.01))
    }
    return FaultPlan(rules: rules, seed: seed)
  }

  /// Runs it on a disk in memory.
  ///
  /// - Throws: whatever keeps it from starting; what goes wrong later is in the report.
  package func run() throws -> Report {
    let backing = try BlockBacking(memory: UInt64(sectors) * 512, faults: faults)
    return try run(on: backing)
  }

  /// Runs it on a disk full of zeroes, of `sectors` sectors.
  ///
  /// - Throws: as `run()`.
  package func run(on backing: BlockBacking) throws -> Report {
    var options = BlockOptions()
    options.engine = engine
    options.queueCount = queues
    let device = BlockDevice(backing: backing, options: options)
    guard device.acceptFeatures(device.offeredFeatures) else { return Report() }
    let model = DiskModel(sectors: sectors)
    let share = DiskQueue.memorySize
    let memory = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: share * UInt64(queues))
    ])
    let total = Mutex(Report())
    let threads = ThreadGroup()
    for index in 0..<queues {
      let workload = self
      try threads.start("disk-\(index)") {
        var report = Report()
        do {
          let queue = try DiskQueue(device, index, memory, workload, model)
          try queue.run(&report)
        } catch {
          report.note("queue \(index): \(error)")
        }
        total.withLock { $0.add(report) }
      }
    }
    guard threads.join(nanoseconds: 600_000_000_000) else {
      var report = total.withLock { $0 }
      report.note("a queue did not end in ten minutes")
      return report
    }
    var report = total.withLock { $0 }
    report.counters = device.counters()
    return report
  }
}

extension DiskWorkload.Report {
  fileprivate mutating func add(_ other: DiskWorkload.Report) {
    answered += other.answered
    failed += other.failed
    compared += other.compared
    for trouble in other.troubles { note(trouble) }
  }
}

/// Threads that are waited for together.
private final class ThreadGroup {
  private final class Member {
    var thread: HostThread
    init(_ thread: consuming HostThread) { self.thread = thread }
  }

  private var members: [Member] = []

  func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
    members.append(Member(try HostThread(name: name, body)))
  }

  func join(nanoseconds: UInt64) -> Bool {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: nanoseconds)
    return members.allSatisfy { $0.thread.join(until: deadline) }
  }
}
