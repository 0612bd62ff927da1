import Scenario
import Wire

extension Page {
  /// Each group of workers: how many, what they do, where, and how they are scheduled.
  mutating func work(_ scenario: Scenario, _ plan: Plan) {
    heading("Work, \(Phrase.count(scenario.workerCount, "worker"))")
    let isSeeded = scenario.seed != nil
    table(
      zip(scenario.work, plan.work).map { group, planned in
        let many = group.workers
        let how =
          group.areThreads
          ? "\(Phrase.count(many, "thread")) of one process"
          : Phrase.count(many, "process", "processes")
        let texts = [
          "\(how): \(group.kind.inWords)",
          Self.place(group, planned, scenario.machine, isSeeded),
          Self.policy(group),
        ]
        return (group.name, texts.map { $0 + "." }.joined(separator: " "))
      })
  }

  private static func place(
    _ group: WorkSpec, _ plan: WorkPlan, _ machine: MachineSpec, _ isSeeded: Bool
  ) -> String {
    let home = group.cgroup.map { "In cgroup \($0), on " } ?? "On "
    let sets = plan.affinity.map(\.cpus)
    if case .random(let count) = group.affinity, !isSeeded {
      return home
        + "\(Phrase.count(count, "CPU"))\(group.workers > 1 ? " each," : "") chosen by the run's seed"
    }
    guard let first = sets.first else {
      return home + (group.cgroup == nil ? "any CPU" : "whatever CPUs the cgroup has")
    }
    guard sets.contains(where: { $0 != first }) else { return home + Phrase.cpus(first) }
    let shown = sets.prefix(4).enumerated().map { "worker \($0) on \(Phrase.cpus($1))" }
    let more =
      sets.count > shown.count
      ? " and so on" : group.workers > sets.count ? ", and from the front again" : ""
    let begin = group.cgroup.map { "In cgroup \($0), " } ?? ""
    let text = begin + shown.joined(separator: ", ") + more
    return text.prefix(1).uppercased() + text.dropFirst()
  }

  private static func policy(_ group: WorkSpec) -> String {
    if group.kind.setsPolicy { return "Policies and nice values are their own" }
    let nice = group.nice == 0 ? "" : ", nice \(group.nice)"
    switch group.policy {
    case .normal: return "Policy normal" + nice
    case .batch: return "Policy batch" + nice
    case .idle: return "Policy idle" + nice
    case .fifo(let priority): return "Policy fifo, priority \(priority)" + nice
    case .roundRobin(let priority): return "Policy rr, priority \(priority)" + nice
    case .deadline(let runtime, let deadline, let period):
      return "Policy deadline: \(TimeText.render(runtime)) of CPU time by "
        + "\(TimeText.render(deadline)) in each \(TimeText.render(period))"
    case .ext: return "Policy ext: the sched_ext scheduler of the kernel" + nice
    }
  }
}
