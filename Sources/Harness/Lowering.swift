import Evidence
import HostOS
package import Machine
package import Scenario
import Virtio
import Wire

extension DiskRequest {
  /// The machine's view of a scenario's disk.
  package init(_ disk: DiskSpec, seed: UInt64, keptAt: String?) {
    self.init(
      bytes: disk.size, serial: Plan.diskSerial, seed: seed, faults: disk.faults.map(Fault.init),
      queues: disk.queues, operationsPerSecond: disk.throttle.operationsPerSecond,
      bytesPerSecond: disk.throttle.bytesPerSecond, keptAt: keptAt)
  }
}

extension DiskRequest.Fault {
  init(_ fault: DiskFault) {
    let operation: DiskRequest.Fault.Operation =
      switch fault.operation {
      case .read: .read
      case .write: .write
      case .flush: .flush
      case .discard: .discard
      case .writeZeroes: .writeZeroes
      case .any: .any
      }
    let effect: DiskRequest.Fault.Effect =
      switch fault.effect {
      case .corrupt: .corrupt
      case .error: .error
      case .short: .short
      case .delay(let nanoseconds): .delay(nanoseconds: nanoseconds)
      }
    self.init(
      operation: operation, effect: effect, probability: fault.probability, range: fault.range)
  }
}

extension DeviceCounters {
  /// A reading of the scratch disk's counters.
  init(disk counters: BlockCounters, at time: MonotonicTime) {
    var pairs: [(String, UInt64)] = [
      ("reads", counters.reads), ("writes", counters.writes), ("flushes", counters.flushes),
      ("discards", counters.discards), ("writeZeroes", counters.writeZeroes),
      ("getIDs", counters.getIDs), ("unsupported", counters.unsupported),
      ("bytesRead", counters.bytesRead), ("bytesWritten", counters.bytesWritten),
      ("bytesDiscarded", counters.bytesDiscarded), ("bytesZeroed", counters.bytesZeroed),
      ("ioErrors", counters.ioErrors), ("framingErrors", counters.framingErrors),
      ("outOfRangeErrors", counters.outOfRangeErrors), ("backingErrors", counters.backingErrors),
      ("faultsInjected", counters.faultsInjected), ("queueErrors", counters.queueErrors),
      ("notifications", counters.notifications), ("interruptsSent", counters.interruptsSent),
      ("interruptsSuppressed", counters.interruptsSuppressed),
      ("queueDepth", counters.queueDepth), ("maximumQueueDepth", counters.maximumQueueDepth),
      ("inFlight", counters.inFlight), ("maximumInFlight", counters.maximumInFlight),
      ("throttleEvents", counters.throttleEvents),
      ("throttledNanoseconds", counters.throttledNanoseconds),
      ("engineFull", counters.engineFull), ("abandoned", counters.abandoned),
    ]
    for (name, latency) in [
      ("read", counters.readLatency), ("write", counters.writeLatency),
      ("flush", counters.flushLatency), ("discard", counters.discardLatency),
    ] {
      pairs += [
        (name + "LatencyCount", latency.count), (name + "LatencyMinimum", latency.minimum),
        (name + "LatencySum", latency.sum), (name + "LatencyMaximum", latency.maximum),
        (name + "LatencyP50", latency.p50), (name + "LatencyP99", latency.p99),
        (name + "LatencyP999", latency.p999),
      ]
    }
    self.init(
      device: DiskSpec.deviceName, monotonic: time.nanoseconds,
      counts: pairs.map { Count(name: $0.0, value: $0.1) })
  }
}
