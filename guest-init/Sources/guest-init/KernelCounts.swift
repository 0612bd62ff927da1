internal import GuestLogic

/// What the kernel itself counts: figures to hold those of the workers against.
struct KernelCounts {
  /// Context switches of all tasks.
  var switches: UInt64
  /// Processes and threads made.
  var forks: UInt64
  /// Page faults of all tasks.
  var faults: UInt64
  /// Nanoseconds that tasks ran, up to the last switch of each CPU; 0 without CONFIG_SCHEDSTATS.
  var ran: UInt64

  /// The counts so far.
  static var now: KernelCounts {
    let stat = Files.contents("/proc/stat", limit: 1 << 20)
    let memory = Files.contents("/proc/vmstat")
    return KernelCounts(
      switches: ByteText.value(of: "ctxt", in: stat),
      forks: ByteText.value(of: "processes", in: stat),
      faults: ByteText.value(of: "pgfault", in: memory),
      ran: ByteText.schedulerRunTime(Files.contents("/proc/schedstat", limit: 1 << 20)))
  }

  /// The difference to an earlier reading, for people.
  func text(since before: KernelCounts) -> String {
    "the kernel counted \(switches &- before.switches) context switches, "
      + "\(forks &- before.forks) forks, \(faults &- before.faults) page faults "
      + "and \(ran &- before.ran) ns of tasks running"
  }
}
