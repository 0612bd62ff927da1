import Evidence
import Scenario
import Wire

extension Ledger {
  /// What the scenario expects of each worker of a group beside progress, end, gap and least rate.
  func moreWorkerChecks(of group: WorkSpec, workers: ArraySlice<WorkerRecord>) -> [CheckResult] {
    let expect = scenario.expect
    var checks: [CheckResult] = []
    for limit in expect.maxRate where limit.work == group.name {
      checks += workers.map { maxRate($0, limit.perSecond) }
    }
    let delays = expect.maxRunDelay.filter { $0.work == group.name }
    let moves = expect.maxMigrations.filter { $0.work == group.name }
    let stalls = expect.maxStall.filter { $0.work == group.name }
    let bands = expect.rateWithin.filter { $0.work == group.name }
    var histories: [WorkerID: SampleHistory] = [:]
    if !delays.isEmpty || !moves.isEmpty || !stalls.isEmpty || !bands.isEmpty,
      let index = groupIndex(of: group.name)
    {
      histories = self.histories(ofGroup: index)
    }
    func history(_ worker: WorkerRecord) -> SampleHistory {
      histories[worker.id] ?? SampleHistory()
    }
    for limit in delays { checks += workers.map { runDelay($0, history($0), limit.limit) } }
    for limit in moves { checks += workers.map { migrations($0, history($0), limit) } }
    for limit in expect.isolation where limit.subject.contains(group) {
      checks += workers.map { isolation($0, of: group, limit.cpus) }
    }
    for limit in stalls {
      checks += workers.map { stall($0, history($0), limit.limitNanoseconds) }
    }
    for band in bands { checks += workers.map { rateWithin($0, history($0), band) } }
    return checks
  }

  /// The final report of a worker that worked to the end for some time, or why there is none.
  func wholeReport(
    of worker: WorkerRecord
  ) -> (report: WorkerReport?, reason: String) {
    guard let report = worker.report else { return (nil, missingReport(of: worker)) }
    guard worker.ranToTheEnd else { return (nil, "\(worker.name) did not work to the end") }
    guard report.wallNanoseconds > 0 else {
      return (nil, "\(worker.name) had no time to work in")
    }
    return (report, "")
  }
}

extension FairnessLimit.Subject {
  /// Whether a group is meant.
  func contains(_ group: WorkSpec) -> Bool {
    switch self {
    case .work(let name): group.name == name
    case .cgroup(let name): group.isIn(name)
    }
  }
}
