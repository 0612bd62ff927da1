internal import CGuest
internal import GuestLogic
internal import Wire

/// Tells the host what the kernel has counted, at a border of the measured window.
enum KernelReadings {
  private static let resources: [(resource: PressureResource, name: String)] = [
    (.cpu, "cpu"), (.memory, "memory"), (.io, "io"),
  ]

  /// Reads what is cheap to read, and tells it with the next flush.
  static func report(
    _ moment: KernelReading.Moment, _ plan: Plan, _ telemetry: inout Telemetry
  ) {
    // First what depends most on the moment.
    let now = Time.now
    var cpus = KernelTexts.cpuTimes(Files.contents("/proc/stat", limit: 1 << 20))[...]
    var pressure = pressure(of: plan)[...]
    while !cpus.isEmpty {
      let piece = cpus.prefix(CPUTimes.maximumCount)
      cpus = cpus.dropFirst(piece.count)
      post(moment, now, .cpus(Array(piece)), &telemetry)
    }
    // An empty one says that the kernel tells of none.
    repeat {
      let piece = pressure.prefix(PressureTotal.maximumCount)
      pressure = pressure.dropFirst(piece.count)
      post(moment, now, .pressure(Array(piece)), &telemetry)
    } while !pressure.isEmpty
    if !plan.schedulers.isEmpty { reportScheduler(moment, &telemetry) }
  }

  /// Reads what the kernel has counted of a scheduler, if one is attached.
  static func reportScheduler(_ moment: KernelReading.Moment, _ telemetry: inout Telemetry) {
    let name = SchedExt.name
    guard !name.isEmpty else { return }
    post(
      moment, Time.now, .schedulerEvents(scheduler: name, SchedExt.counts), &telemetry)
  }

  /// The pressure of all tasks, and that of each cgroup which is there.
  private static func pressure(of plan: Plan) -> [PressureTotal] {
    var totals: [PressureTotal] = []
    for (resource, name) in resources {
      add(resource, "/proc/pressure/" + name, of: "", to: &totals)
    }
    // Without it, cgroups have none either.
    guard !totals.isEmpty else { return [] }
    for cgroup in plan.cgroups {
      for (resource, name) in resources {
        add(
          resource, Cgroups.root + "/" + cgroup.path + "/" + name + ".pressure",
          of: cgroup.path, to: &totals)
      }
    }
    return totals
  }

  private static func add(
    _ resource: PressureResource, _ file: String, of cgroup: String,
    to totals: inout [PressureTotal]
  ) {
    guard let found = KernelTexts.pressure(Files.contents(file)) else { return }
    totals.append(
      PressureTotal(cgroup: cgroup, resource: resource, some: found.some, full: found.full))
  }

  private static func post(
    _ moment: KernelReading.Moment, _ time: UInt64, _ what: KernelReading.What,
    _ telemetry: inout Telemetry
  ) {
    telemetry.post(
      .kernelReading(KernelReading(moment: moment, monotonic: time, what: what)))
  }
}
