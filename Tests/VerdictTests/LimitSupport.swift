import Evidence
import Scenario
import Topology
import Verdict
import Wire

/// The fixture's run with other expectations, and with a stream of samples of its own.
enum Limits {
  static let millisecond: UInt64 = 1_000_000

  /// The fixture's scenario with these expectations and nothing else.
  static func scenario(_ change: (inout Expectations) -> Void) -> Scenario {
    var scenario = Fixture.scenario
    scenario.expect = Expectations(progress: false)
    change(&scenario.expect)
    return scenario
  }

  /// Judges the fixture's run by these expectations.
  static func judged(
    _ expect: (inout Expectations) -> Void, _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> Verdict {
    judge(scenario(expect), Fixture.evidence.with(change))
  }
}

extension RunEvidence {
  /// Puts samples of both spinning workers every 100 ms in the place of all others; the work takes
  /// 3 s.
  ///
  /// - Parameter iterations: of a worker at a sample's number, from 1.
  mutating func sample(
    _ range: ClosedRange<Int> = 1...29, cpuPercent: UInt64 = 50,
    iterations: (WorkerID, Int) -> UInt64
  ) {
    drop { if case .samples = $0 { true } else { false } }
    let batches = range.map { number in
      Event.samples(
        SampleBatch(
          monotonic: Fixture.start + UInt64(number) * 100 * Limits.millisecond,
          samples: [Fixture.spin0, Fixture.spin1].map { id in
            Sample(
              id: id, iterations: iterations(id, number),
              cpuNanoseconds: UInt64(number) * cpuPercent * Limits.millisecond,
              longestGapNanoseconds: 1)
          }))
    }
    let place = events.firstIndex {
      if case .stage(let reached) = $0 { reached.stage == .workEnded } else { false }
    }
    events.insert(contentsOf: batches, at: place ?? events.endIndex)
  }

  /// Makes the guest one of so many CPUs under one LLC.
  mutating func resize(cpus: Int) {
    drop {
      switch $0 {
      case .cpuPlace, .nodePlace: true
      default: false
      }
    }
    for index in events.indices {
      guard case .hello(var hello) = events[index] else { continue }
      hello.cpus = UInt32(cpus)
      events[index] = .hello(hello)
    }
    for cpu in 0..<cpus {
      events.append(
        .cpuPlace(
          CPUPlace(
            cpu: UInt32(cpu), package: 0, core: Int32(cpu), siblings: "\(cpu)", cacheLevel: 3,
            cacheCPUs: "0-\(cpus - 1)")))
    }
    events.append(
      .nodePlace(NodePlace(node: 0, cpus: "0-\(cpus - 1)", memory: 1 << 28, distances: [10])))
  }

  /// Adds a report of latencies of a worker.
  mutating func addLatencies(_ id: WorkerID, _ kind: LatencyKind, _ values: [UInt64]) {
    var histogram = LatencyHistogram()
    for value in values { histogram.record(value) }
    events.append(.latencyReport(LatencyReport(id: id, kind: kind, histogram: histogram)))
  }
}
