import Evidence
import Scenario
import Topology
import Wire

/// What the evidence says of one worker.
struct WorkerRecord {
  let id: WorkerID
  let name: String
  var pid: UInt32?
  var lastSample: (sample: Sample, monotonic: UInt64)?
  /// Its account of all starts of its group, with the worst of its ends; nil while the last is due.
  private(set) var report: WorkerReport?
  /// Its accounts at each of its ends, in order; their figures go on from one to the next.
  private(set) var ends: [WorkerReport] = []
  private var starts = 0
  private var worst: (end: WorkerEnd, code: Int32)?
  var disk: DiskReport?
  var latencies: [LatencyKind: LatencyHistogram] = [:]
  /// Where and when the longest of them ended.
  var worstLatencies: [LatencyKind: Sighting] = [:]

  init(id: WorkerID, name: String) {
    self.id = id
    self.name = name
  }

  /// Whether any event names the worker.
  var wasSeen: Bool { pid != nil || lastSample != nil || report != nil || disk != nil }
  /// Whether it worked until it was told to stop.
  var ranToTheEnd: Bool { report?.end == .stopped || report?.end == .killed }

  /// Takes note of a start, behind which there is no account yet.
  mutating func begin(pid: UInt32) {
    self.pid = pid
    starts += 1
    (report, disk) = (nil, nil)
    (latencies, worstLatencies) = ([:], [:])
  }

  /// Takes its account of another end; one that was bad stays so whatever comes behind it.
  ///
  /// Where the account of an earlier end is missing, nobody knows whether that was bad.
  mutating func end(_ account: WorkerReport) {
    var account = account
    ends.append(account)
    if let worst, worst.end.severity > account.end.severity {
      (account.end, account.code) = worst
    } else {
      worst = (account.end, account.code)
    }
    report = ends.count >= starts ? account : nil
  }
}

extension WorkerEnd {
  /// What is worse has more.
  fileprivate var severity: Int {
    switch self {
    case .stopped: 0
    case .killed: 1
    case .neverStarted: 2
    case .failed, .crashed: 3
    }
  }
}

/// The evidence sorted by whom and what it is about.
struct Ledger {
  let scenario: Scenario
  let evidence: RunEvidence
  private(set) var hello: Hello?
  private(set) var finished: Finished?
  /// What the guest's kernel says of its CPUs, by their numbers.
  private(set) var cpuPlaces: [UInt32: CPUPlace] = [:]
  /// What it says of its NUMA nodes, by their numbers.
  private(set) var nodePlaces: [UInt32: NodePlace] = [:]
  private(set) var stages: [Stage: UInt64] = [:]
  private(set) var fatalProblem: Problem?
  /// What was told of schedulers, from each start to its end, in order.
  private(set) var schedulerLives = SchedulerLives()
  /// What is known of each payload, in the order of the scenario.
  private(set) var payloads: [PayloadRecord] = []
  /// What happened in the phases, in order.
  private(set) var phases: [PhaseReport] = []
  /// What the kernel has counted at borders of the measured window, in order.
  private(set) var readings: [KernelReading] = []
  /// Latencies of groups, interval by interval, in order.
  private(set) var intervals: [LatencyInterval] = []
  /// In the order of the scenario.
  private(set) var workers: [WorkerRecord] = []
  /// Events that name a worker which the scenario does not have.
  private(set) var strangers = 0
  /// The latest guest time in any event.
  private(set) var lastMonotonic: UInt64 = 0
  private var firstOfGroup: [Int] = []

  init(_ scenario: Scenario, _ evidence: RunEvidence) {
    self.scenario = scenario
    self.evidence = evidence
    for (index, group) in scenario.work.enumerated() {
      firstOfGroup.append(workers.count)
      for number in 0..<group.workers {
        // The language's limits keep both far below 2^16.
        let id = WorkerID(
          work: UInt16(truncatingIfNeeded: index), worker: UInt16(truncatingIfNeeded: number))
        workers.append(WorkerRecord(id: id, name: group.workerName(number)))
      }
    }
    payloads = scenario.payloads.map { _ in PayloadRecord() }
    for event in evidence.events { add(event) }
  }

  private mutating func add(_ event: Event) {
    switch event {
    case .hello(let hello):
      self.hello = self.hello ?? hello
      see(hello.monotonic)
    case .stage(let reached):
      stages[reached.stage] = stages[reached.stage] ?? reached.monotonic
      see(reached.monotonic)
    case .workerStarted(let started):
      update(started.id) { $0.begin(pid: started.pid) }
    case .samples(let batch):
      see(batch.monotonic)
      for sample in batch.samples {
        update(sample.id) { $0.lastSample = (sample, batch.monotonic) }
      }
    case .workerReport(let report):
      update(report.id) { $0.end(report) }
    case .diskReport(let report):
      update(report.id) { $0.disk = report }
    case .latencyReport(let report):
      update(report.id) {
        $0.latencies[report.kind] = report.histogram
        $0.worstLatencies[report.kind] = report.worst
      }
    case .cpuPlace(let place):
      // One that should not be there is enough to know.
      let asked = scenario.machine.topology.cpuCount
      if place.cpu < asked || cpuPlaces.count <= asked { cpuPlaces[place.cpu] = place }
    case .nodePlace(let place):
      let asked = scenario.machine.topology.nodes.count
      if place.node < asked || nodePlaces.count <= asked { nodePlaces[place.node] = place }
    case .scheduler(let event):
      see(event.monotonic)
      if scenario.allSchedulers.indices.contains(Int(event.scheduler)) {
        schedulerLives.add(event)
      } else {
        strangers += 1
      }
    case .payload(let event):
      see(event.monotonic)
      let index = Int(event.payload)
      if payloads.indices.contains(index) { payloads[index].add(event) } else { strangers += 1 }
    case .phase(let report):
      phases.append(report)
      see(report.monotonic)
    case .kernelReading(let reading):
      readings.append(reading)
      see(reading.monotonic)
    case .latencyInterval(let interval):
      intervals.append(interval)
      see(interval.monotonic)
    case .problem(let problem):
      if problem.isFatal { fatalProblem = fatalProblem ?? problem }
    case .log:
      break
    case .finished(let finished):
      self.finished = finished
      see(finished.monotonic)
    }
  }

  private mutating func see(_ monotonic: UInt64) {
    lastMonotonic = max(lastMonotonic, monotonic)
  }

  private mutating func update(_ id: WorkerID, _ change: (inout WorkerRecord) -> Void) {
    guard let index = index(of: id) else {
      strangers += 1
      return
    }
    change(&workers[index])
  }

  private func index(of id: WorkerID) -> Int? {
    let group = Int(id.work)
    guard scenario.work.indices.contains(group),
      Int(id.worker) < scenario.work[group].workers
    else { return nil }
    return firstOfGroup[group] + Int(id.worker)
  }

  /// The workers of a group.
  func workers(ofGroup index: Int) -> ArraySlice<WorkerRecord> {
    let first = firstOfGroup[index]
    return workers[first..<first + scenario.work[index].workers]
  }

  /// Whether the guest said all that it had to say.
  var isComplete: Bool { evidence.outcome == .finished }

  /// Guest time since the work started; nil when it is not known that it did.
  func sinceStart(_ monotonic: UInt64) -> UInt64? {
    guard let start = stages[.workStarted], monotonic >= start else { return nil }
    return monotonic - start
  }

  /// The last stage that the guest told of.
  var lastStage: Stage? {
    stages.keys.max { $0.rawValue < $1.rawValue }
  }

  /// The CPU times of some workers at the last moment at which all of them were sampled.
  func lastCommonCPUTimes(of ids: Set<WorkerID>) -> (monotonic: UInt64, times: [WorkerID: UInt64])?
  {
    // Many workers take several batches, all with the time of the one moment.
    var moment: UInt64?
    var times: [WorkerID: UInt64] = [:]
    for event in evidence.events.reversed() {
      guard case .samples(let batch) = event else { continue }
      if batch.monotonic != moment {
        moment = batch.monotonic
        times = [:]
      }
      for sample in batch.samples where ids.contains(sample.id) {
        times[sample.id] = sample.cpuNanoseconds
      }
      if times.count == ids.count { return (batch.monotonic, times) }
    }
    return nil
  }
}
