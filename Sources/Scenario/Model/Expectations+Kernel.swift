package import Topology
package import Wire

/// How busy CPUs must be over the whole work.
package struct UtilisationLimit: Equatable, Sendable {
  /// Which CPUs are taken together.
  package enum Subject: Equatable, Sendable {
    /// All of the machine.
    case all
    /// Those of an LLC, of a node, or some.
    case some(AffinitySpec)
    /// Each part of the machine by itself.
    case each(Part)
  }

  /// The parts of a machine.
  package enum Part: String, CaseIterable, Sendable {
    /// Each CPU.
    case cpu
    /// The CPUs of each LLC.
    case llc
    /// The CPUs of each node that has some.
    case numa
  }

  /// Which CPUs.
  package var subject: Subject
  /// The least share of the time, from 0 to 1; nil is no limit.
  package var least: Double?
  /// The most; nil is no limit.
  package var most: Double?

  /// Makes a limit.
  package init(subject: Subject, least: Double? = nil, most: Double? = nil) {
    self.subject = subject
    self.least = least
    self.most = most
  }

  /// The sets of CPUs that are judged, each with its name.
  package func sets(on topology: CPUTopology) -> [(name: String, cpus: [Int])] {
    switch subject {
    case .all: return [("all CPUs", Array(0..<topology.cpuCount))]
    case .some(.llc(let llc)): return [("llc:\(llc)", Array(topology.cpus(ofLLC: llc)))]
    case .some(.numa(let node)): return [("numa:\(node)", Array(topology.cpus(ofNode: node)))]
    case .some(.exact(let cpus)): return [(cpus.count == 1 ? "CPU" : "CPUs", cpus)]
    // The decoder takes no others.
    case .some: return []
    case .each(.cpu): return (0..<topology.cpuCount).map { ("CPU", [$0]) }
    case .each(.llc):
      return (0..<topology.llcCount).map { ("llc:\($0)", Array(topology.cpus(ofLLC: $0))) }
    case .each(.numa):
      return topology.nodes.indices.map { ("numa:\($0)", Array(topology.cpus(ofNode: $0))) }
        .filter { !$0.1.isEmpty }
    }
  }
}

/// For how much of the work tasks may, or must, have waited for a resource.
package struct PressureLimit: Equatable, Sendable {
  /// Want of what.
  package var resource: PressureResource
  /// Whether all tasks that were not idle waited; else one or more.
  package var isFull: Bool
  /// The cgroup; nil means all tasks of the guest.
  package var cgroup: String?
  /// The least share of the work's time; nil is no limit.
  package var least: Double?
  /// The most; nil is no limit.
  package var most: Double?

  /// Makes a limit.
  package init(
    resource: PressureResource, isFull: Bool = false, cgroup: String? = nil, least: Double? = nil,
    most: Double? = nil
  ) {
    self.resource = resource
    self.isFull = isFull
    self.cgroup = cgroup
    self.least = least
    self.most = most
  }
}

/// How much of its memory each worker of a group must have on the node where it runs.
package struct LocalityLimit: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// The least share, from 0 to 1.
  package var least: Double

  /// Makes a limit.
  package init(work: String, least: Double) {
    self.work = work
    self.least = least
  }
}

/// How often an event of sched_ext may be counted during the work.
package struct SchedulerEventLimit: Equatable, Sendable {
  /// The kernel's name of it.
  package var event: String
  /// The most; nil is any number.
  package var most: UInt64?

  /// Makes a limit.
  package init(event: String, most: UInt64?) {
    self.event = event
    self.most = most
  }

  /// The tasks that the kernel has rejected for the scheduler; not one of the events, but told
  /// beside them.
  package static let rejected = "nr_rejected"

  /// Events that must not be counted unless a scenario says otherwise: with each, the kernel has
  /// repaired something that the scheduler did, or has decided in its place
  /// (`kernel/sched/ext_internal.h`).
  ///
  /// Not among them is what befalls a scheduler without fault: a task that goes on because no other
  /// is there (`DISPATCH_KEEP_LAST`), exiting and migration-disabled tasks that the kernel handles
  /// unless a scheduler wants to (`ENQ_SKIP_*`), slices refilled with the default, which a
  /// scheduler may leave to the kernel and the kernel does with each task that goes on
  /// (`REFILL_SLICE_DFL`), and `REENQ_IMMED`.
  package static let faults = [
    // ops.select_cpu() chose a CPU that the task may not use.
    "SCX_EV_SELECT_CPU_FALLBACK",
    // A task was put into the queue of a CPU that is offline.
    "SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE",
    // The kernel took over: how often, for how many tasks, and for how long.
    "SCX_EV_BYPASS_ACTIVATE", "SCX_EV_BYPASS_DISPATCH", "SCX_EV_BYPASS_DURATION",
    // A task was inserted that is not the scheduler's.
    "SCX_EV_INSERT_NOT_OWNED",
    // Tasks were queued again and again in vain.
    "SCX_EV_REENQ_LOCAL_REPEAT", "SCX_EV_REENQ_REPEAT",
    // Tasks went to the fair class instead.
    rejected,
  ]
}
