import Scenario
package import Verdict

extension Page {
  /// The checks that will judge a run, each with its limit and whom it is about.
  mutating func checks(_ scenario: Scenario) {
    heading("Checks")
    table(
      PlannedCheck.all(of: scenario).map { check in
        let limit = check.limit.map { ": \($0.text)" } ?? ""
        let subjects = Self.subjects(check.subjects)
        let whom = subjects.isEmpty ? "" : " (\(subjects))"
        return (check.id.rawValue, (check.id.inWords ?? "") + limit + whom)
      })
  }

  /// Names of whom a check is about; workers of a group are drawn together: `spin/0-3`.
  static func subjects(_ subjects: [CheckSubject]) -> String {
    var words: [String] = []
    var group = ""
    var numbers: [Int] = []
    func flushed() -> [String] {
      numbers.isEmpty ? [] : ["\(group)/\(Phrase.ranges(numbers))"]
    }
    for subject in subjects {
      let slash = subject.name.lastIndex(of: "/")
      if subject.kind == .worker, let slash,
        let number = Int(subject.name[subject.name.index(after: slash)...])
      {
        let name = String(subject.name[..<slash])
        if name != group {
          words += flushed()
          numbers = []
          group = name
        }
        numbers.append(number)
      } else if !subject.name.isEmpty {
        words += flushed()
        numbers = []
        words.append(subject.description)
      }
    }
    return (words + flushed()).joined(separator: ", ")
  }
}

extension CheckID {
  /// When the check passes, in a few words; a new check tells so here, and a test misses it.
  package var inWords: String? { Self.words[self] }

  private static let words: [CheckID: String] = [
    .runFinished: "the guest runs to its end and powers off",
    .runIdentity: "the telemetry is of this run",
    .machineCPUs: "CPUs that are online",
    .machineTopology: "CPUs, caches and nodes lie as asked for",
    .kernelHealth: "lines of WARN, BUG, Oops, lockdep or stall on the console",
    .telemetry: "all reports arrive",
    .phaseActions: "all actions of the phases succeed",
    .phaseHold: "a phase that waits for a condition sees it in time",
    .workerProgress: "iterations of each worker",
    .workerEnd: "each worker stops when it is told to",
    .workerGap: "longest time that a worker stands still",
    .workerRate: "iterations of each worker in a second",
    .workerMaxRate: "most iterations of each worker in a second",
    .workerRunDelay: "time that each worker waits for a CPU",
    .workerMigrations: "migrations of each worker",
    .workerIsolation: "each worker stays on its CPUs",
    .workerStall: "longest time that iterations stand still in the samples",
    .workerRateWithin: "iterations of each worker in a second, in every window",
    .workLatency: "a percentile of the latencies",
    .workVariation: "variation of rates between workers",
    .workSteadiness: "variation of rates over time",
    .workConvergence: "a value settles",
    .cgroupWeight: "distance of CPU time from what the weight says",
    .deviceThrottleShare: "share of time that the disk pauses for its throttle",
    .expectFailure: "the check that is expected to fail does",
    .fairness: "spread of CPU time, (most - least) / most",
    .diskVerified: "each worker reads back what it wrote, a whole pass or more",
    .deviceIOErrors: "I/O errors",
    .deviceMinimum: "the disk counts enough",
    .schedulerAttached: "the scheduler is attached throughout the work, and goes when told to",
    .payloadStatus: "the program ends by itself as expected",
    .payloadMetric: "a number in what the program writes",
    .pressure: "share of the work's time in which tasks wait for a resource",
    .numaLocality: "share of its memory that each worker has on the node where it runs",
    .schedulerEvents: "events that tell of fallbacks or errors of the scheduler",
    .workMonotonic: "how far a value falls or rises again",
    .workLatencyConvergence: "a percentile of the latencies, once they have settled",
    .cpuUtilisation: "share of the work's time that CPUs are busy",
  ]
}
