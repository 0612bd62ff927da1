/// What the kernel has counted so far, read at a border of the measured window.
///
/// Two readings make a figure of the work alone: what came before it is taken off.
package struct KernelReading: Equatable, Sendable {
  /// Which border.
  package enum Moment: UInt8, Sendable, CaseIterable {
    /// The workers' common start.
    case workStarted = 0
    /// Before the workers are told to stop.
    case workEnded = 1
    /// The kernel says that a scheduler is enabled.
    case schedulerAttached = 2
    /// Before a scheduler is told to go: its counters go with it.
    case schedulerStopping = 3
  }

  /// What was read.
  package enum What: Equatable, Sendable {
    /// `/proc/stat`; of many CPUs there are several readings.
    case cpus([CPUTimes])
    /// `/proc/pressure` and the pressure files of cgroups; of many, there are several readings.
    case pressure([PressureTotal])
    /// `/sys/kernel/sched_ext/root/events` and `nr_rejected`: the scheduler's name, and its counts.
    case schedulerEvents(scheduler: String, [NamedCount])
    /// Where the pages of a worker are, and where it ran.
    case pages(WorkerPages)
  }

  /// Which border.
  package var moment: Moment
  /// Guest monotonic time.
  package var monotonic: UInt64
  /// What was read.
  package var what: What

  /// Makes a reading.
  package init(moment: Moment, monotonic: UInt64, what: What) {
    self.moment = moment
    self.monotonic = monotonic
    self.what = what
  }
}

/// What a CPU did with its time since the boot, in nanoseconds, to a tick of `USER_HZ` (10 ms).
package struct CPUTimes: Equatable, Sendable {
  /// As many as a frame has room for.
  package static let maximumCount = 1024

  /// The CPU.
  package var cpu: UInt32
  /// Tasks of all kinds, and interrupts.
  package var busy: UInt64
  /// Idle, waiting for a disk or not.
  package var idle: UInt64
  /// It wanted to run, and the host ran something else.
  package var steal: UInt64

  /// Makes times.
  package init(cpu: UInt32, busy: UInt64, idle: UInt64, steal: UInt64) {
    self.cpu = cpu
    self.busy = busy
    self.idle = idle
    self.steal = steal
  }
}

/// What tasks may have to wait for (Documentation/accounting/psi.rst).
package enum PressureResource: UInt8, Sendable, CaseIterable {
  /// A CPU.
  case cpu = 0
  /// Memory that has to be reclaimed first.
  case memory = 1
  /// A disk.
  case io = 2
}

/// For how long tasks stood still for want of a resource.
package struct PressureTotal: Equatable, Sendable {
  /// As many as a frame surely has room for.
  package static let maximumCount = 32

  /// Whose tasks: a cgroup's path below the work root, or "" for all of the guest's.
  package var cgroup: String
  /// Want of what.
  package var resource: PressureResource
  /// Nanoseconds in which at least one task waited.
  package var some: UInt64
  /// Nanoseconds in which all tasks that were not idle waited; nil where the kernel tells none.
  package var full: UInt64?

  /// Makes a total.
  package init(cgroup: String, resource: PressureResource, some: UInt64, full: UInt64?) {
    self.cgroup = cgroup
    self.resource = resource
    self.some = some
    self.full = full
  }
}

/// A counter of the kernel.
package struct NamedCount: Equatable, Sendable {
  /// As the kernel calls it.
  package var name: String
  /// How much it has counted.
  package var count: UInt64

  /// Makes a count.
  package init(name: String, count: UInt64) {
    self.name = name
    self.count = count
  }
}

/// Where the private memory of a worker lies, and where the worker was.
package struct WorkerPages: Equatable, Sendable {
  /// Something that was counted at a place, a node or a CPU.
  package struct Share: Equatable, Sendable {
    /// The node's or the CPU's number.
    package var place: UInt32
    /// How many.
    package var count: UInt64

    /// Makes a share.
    package init(place: UInt32, count: UInt64) {
      self.place = place
      self.count = count
    }
  }

  /// As many places of each kind as are told.
  package static let maximumPlaces = 1024

  /// Which worker; of threads the first of their process, whose memory is one.
  package var id: WorkerID
  /// KiB of private anonymous memory on each node that has some.
  package var nodes: [Share]
  /// How often it was on which CPU when samples were taken.
  package var cpus: [Share]

  /// Makes pages.
  package init(id: WorkerID, nodes: [Share], cpus: [Share]) {
    self.id = id
    self.nodes = nodes
    self.cpus = cpus
  }
}

/// The latencies of a group's workers together, since the last such event of the group.
package struct LatencyInterval: Equatable, Sendable {
  /// Index into ``Plan/work``.
  package var work: UInt16
  /// Which of the latencies.
  package var kind: LatencyKind
  /// Guest monotonic time of the end of the interval.
  package var monotonic: UInt64
  /// What was measured; its least and greatest are as exact as its buckets.
  package var histogram: LatencyHistogram

  /// Makes an interval.
  package init(work: UInt16, kind: LatencyKind, monotonic: UInt64, histogram: LatencyHistogram) {
    self.work = work
    self.kind = kind
    self.monotonic = monotonic
    self.histogram = histogram
  }
}
