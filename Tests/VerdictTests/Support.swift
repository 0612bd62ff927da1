import Evidence
import Scenario
import Topology
import Verdict
import Wire

/// A scenario with two spinning workers in a cgroup, one disk worker, and every check switched on.
enum Fixture {
  static let second: UInt64 = 1_000_000_000

  static let scenario = Scenario(
    name: "t",
    machine: MachineSpec(topology: .flat(cpus: 2), disk: DiskSpec(size: 1 << 20)),
    cgroups: [CgroupSpec(name: "a/b")],
    work: [
      WorkSpec(name: "spin", kind: .spin, workers: 2, cgroup: "a/b"),
      WorkSpec(
        name: "disk", kind: .diskVerify(DiskArea(offset: 0, bytesPerWorker: 4096, blockSize: 4096)),
        workers: 1),
    ], durationNanoseconds: 3 * second, timeoutNanoseconds: 60 * second,
    expect: Expectations(
      maxGap: [GapLimit(work: nil, limitNanoseconds: 400_000_000)],
      fairness: [
        FairnessLimit(subject: .cgroup("a"), maxSpread: 0.3),
        FairnessLimit(subject: .work("spin"), maxSpread: 0.3),
      ], minRate: [RateLimit(work: "spin", perSecond: 100)], diskVerified: true,
      device: DeviceExpectations(
        minimums: [.init(counter: "bytesRead", value: 4096)], maxIOErrors: 1)))

  /// When the work started, in guest time.
  static let start: UInt64 = 2 * second

  static let identity = RunIdentity(
    runID: "00000000000000ff", scenario: "t", scenarioPath: "t.json", engine: "tcg",
    engineReason: "", kernel: KernelIdentity(id: "k", release: "6", image: "i", sha256: "s"),
    ktstrVersion: "0", startedAt: "2025-01-01T00:00:00Z", seed: 1, retryOf: nil, attempt: 0)

  /// The end of a run's time; all in seconds.
  static func timeOver(
    _ which: TimeOver.Limit = .total, _ waitingFor: String = "the end of the work",
    limit: Double = 60, elapsed: Double = 60, silent: Double = 0
  ) -> TimeOver {
    TimeOver(
      waitingFor: waitingFor, limit: which, limitNanoseconds: UInt64(limit * 1e9),
      elapsedNanoseconds: UInt64(elapsed * 1e9), silentNanoseconds: UInt64(silent * 1e9))
  }

  static let spin0 = WorkerID(work: 0, worker: 0)
  static let spin1 = WorkerID(work: 0, worker: 1)
  static let disk = WorkerID(work: 1, worker: 0)
  static let workers = [spin0, spin1, disk]

  static func report(_ id: WorkerID) -> WorkerReport {
    WorkerReport(
      id: id, end: .stopped, code: 0, iterations: 3_000, wallNanoseconds: 3 * second,
      cpuNanoseconds: 2 * second, runDelayNanoseconds: 0, voluntarySwitches: 0,
      involuntarySwitches: 0, migrations: 0, cpusSeen: [1], longestGapNanoseconds: 20_000_000,
      longestGapEndNanoseconds: 1_234_000_000, longestGapCPU: 1)
  }

  static let diskReport = DiskReport(
    id: disk, passes: 2, bytesWritten: 8192, bytesVerified: 8192, flushes: 2,
    mismatchedBlocks: 0, firstMismatch: nil, ioErrors: 0, lastErrno: 0)

  static func samples(at seconds: Double, _ cpu: [UInt64] = [1, 1, 1]) -> Event {
    .samples(
      SampleBatch(
        monotonic: start + UInt64(seconds * 1e9),
        samples: zip(workers, cpu).map { id, cpu in
          Sample(
            id: id, iterations: 1_000, cpuNanoseconds: cpu * second / 10,
            longestGapNanoseconds: 20_000_000)
        }))
  }

  /// The evidence of a run in which all was well.
  static var evidence: RunEvidence {
    var events: [Event] = [
      .hello(
        Hello(
          runID: 0xff, monotonic: second, realtime: 0, release: "6", cpus: 2, memory: 1 << 29,
          clockSource: "tsc"))
    ]
    for cpu in 0..<2 {
      events.append(
        .cpuPlace(
          CPUPlace(
            cpu: UInt32(cpu), package: 0, core: Int32(cpu), siblings: "\(cpu)", cacheLevel: 3,
            cacheCPUs: "0-1")))
    }
    events.append(.nodePlace(NodePlace(node: 0, cpus: "0-1", memory: 1 << 28, distances: [10])))
    for stage in [Stage.mounted, .modulesLoaded, .planAccepted, .cgroupsReady] {
      events.append(.stage(StageReached(stage: stage, monotonic: second)))
    }
    for (index, id) in workers.enumerated() {
      events.append(.workerStarted(WorkerStarted(id: id, pid: UInt32(70 + index))))
    }
    events.append(.stage(StageReached(stage: .workStarted, monotonic: start)))
    events += [samples(at: 1), samples(at: 2)]
    events.append(.stage(StageReached(stage: .workEnded, monotonic: start + 3 * second)))
    for id in workers { events.append(.workerReport(report(id))) }
    events.append(.diskReport(diskReport))
    events.append(.stage(StageReached(stage: .drained, monotonic: start + 3 * second)))
    events.append(.finished(Finished(monotonic: start + 3 * second, droppedEvents: 0)))
    var stream = StreamHealth()
    stream.frames = events.count
    return RunEvidence(
      identity: identity, events: events, stream: stream, consoleTrouble: [],
      devices: [
        DeviceCounters(
          device: "disk", monotonic: 0,
          counts: [
            .init(name: "bytesRead", value: 8192), .init(name: "ioErrors", value: 0),
          ])
      ], outcome: .finished)
  }
}

extension RunEvidence {
  /// This evidence with something done to it.
  func with(_ change: (inout RunEvidence) -> Void) -> RunEvidence {
    var copy = self
    change(&copy)
    return copy
  }

  /// Changes the final report of a worker.
  mutating func editReport(_ id: WorkerID, _ change: (inout WorkerReport) -> Void) {
    for index in events.indices {
      guard case .workerReport(var report) = events[index], report.id == id else { continue }
      change(&report)
      events[index] = .workerReport(report)
    }
  }

  /// Changes the report of the disk worker.
  mutating func editDiskReport(_ change: (inout DiskReport) -> Void) {
    for index in events.indices {
      guard case .diskReport(var report) = events[index] else { continue }
      change(&report)
      events[index] = .diskReport(report)
    }
  }

  /// Drops all events of some kind.
  mutating func drop(_ isDropped: (Event) -> Bool) {
    events.removeAll(where: isDropped)
  }

  /// Drops the final report of a worker.
  mutating func dropReport(_ id: WorkerID) {
    drop { if case .workerReport(let report) = $0 { report.id == id } else { false } }
  }

  /// Drops everything from the first event of a stage on.
  mutating func cut(before stage: Stage) {
    let index = events.firstIndex {
      if case .stage(let reached) = $0 { reached.stage == stage } else { false }
    }
    if let index { events.removeSubrange(index...) }
  }

  /// Drops every trace of a worker.
  mutating func forget(_ id: WorkerID) {
    for index in events.indices {
      guard case .samples(var batch) = events[index] else { continue }
      batch.samples.removeAll { $0.id == id }
      events[index] = .samples(batch)
    }
    drop {
      switch $0 {
      case .workerStarted(let started): started.id == id
      case .workerReport(let report): report.id == id
      case .diskReport(let report): report.id == id
      default: false
      }
    }
  }
}

extension Verdict {
  /// The check of that id and subject.
  func check(_ id: CheckID, _ subject: String) -> CheckResult? {
    checks.first { $0.id == id && $0.subject.description == subject }
  }
}

/// Judges the fixture's scenario by its evidence with something done to it.
func judged(
  _ scenario: Scenario = Fixture.scenario, _ change: (inout RunEvidence) -> Void
) -> Verdict {
  judge(scenario, Fixture.evidence.with(change))
}
