import Wire

/// What the kernel had counted, in short.
struct KernelLine: Encodable {
  let what: KernelReading.What

  private struct Pressure: Encodable {
    let cgroup: String
    let resource: String
    let some: UInt64
    let full: UInt64?
  }

  private struct Count: Encodable {
    let name: String
    let count: UInt64
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: Key.self)
    switch what {
    case .cpus(let cpus):
      // [cpu, busy ns, idle ns, steal ns]
      try line.encode(
        cpus.map { [UInt64($0.cpu), $0.busy, $0.idle, $0.steal] }, forKey: Key("cpus"))
    case .pressure(let totals):
      try line.encode(
        totals.map {
          Pressure(
            cgroup: $0.cgroup, resource: "\($0.resource)", some: $0.some, full: $0.full)
        }, forKey: Key("pressure"))
    case .schedulerEvents(let scheduler, let counts):
      try line.encode(scheduler, forKey: Key("scheduler"))
      try line.encode(
        counts.map { Count(name: $0.name, count: $0.count) }, forKey: Key("counts"))
    case .pages(let pages):
      try line.encode(pages.id.work, forKey: Key("work"))
      try line.encode(pages.id.worker, forKey: Key("worker"))
      // [node, KiB] and [cpu, samples]
      try line.encode(
        pages.nodes.map { [UInt64($0.place), $0.count] }, forKey: Key("nodes"))
      try line.encode(pages.cpus.map { [UInt64($0.place), $0.count] }, forKey: Key("cpus"))
    }
  }
}
