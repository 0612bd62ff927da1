extension KernelReading {
  /// The longest name of a cgroup or a counter, in bytes.
  private static let longestName = 1024
  /// No kernel has as many counters of its schedulers.
  private static let mostCounts = 128

  func encode(into body: inout ByteWriter) {
    body.uint8(moment.rawValue)
    body.uint64(monotonic)
    switch what {
    case .cpus(let all):
      body.uint8(0)
      let cpus = all.prefix(CPUTimes.maximumCount)
      body.uint16(UInt16(cpus.count))
      for times in cpus {
        body.uint32(times.cpu)
        body.uint64(times.busy)
        body.uint64(times.idle)
        body.uint64(times.steal)
      }
    case .pressure(let all):
      body.uint8(1)
      let totals = all.prefix(PressureTotal.maximumCount)
      body.uint16(UInt16(totals.count))
      for total in totals {
        body.string(total.cgroup, limit: Self.longestName)
        body.uint8(total.resource.rawValue)
        body.uint64(total.some)
        body.uint8(total.full == nil ? 0 : 1)
        body.uint64(total.full ?? 0)
      }
    case .schedulerEvents(let scheduler, let all):
      body.uint8(2)
      body.string(scheduler, limit: Self.longestName)
      let counts = all.prefix(Self.mostCounts)
      body.uint16(UInt16(counts.count))
      for count in counts {
        // Names of the kernel's are short; all of them fit a frame.
        body.string(count.name, limit: Self.longestName / 4)
        body.uint64(count.count)
      }
    case .pages(let pages):
      body.uint8(3)
      pages.id.encode(into: &body)
      for places in [pages.nodes, pages.cpus] {
        let shares = places.prefix(WorkerPages.maximumPlaces)
        body.uint16(UInt16(shares.count))
        for share in shares {
          body.uint32(share.place)
          body.uint64(share.count)
        }
      }
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    let rawMoment = try body.uint8()
    guard let moment = Moment(rawValue: rawMoment) else {
      throw .badValue(offset: 0, value: UInt64(rawMoment))
    }
    self.moment = moment
    monotonic = try body.uint64()
    let offset = body.offset
    let kind = try body.uint8()
    switch kind {
    case 0: what = .cpus(try Self.cpus(from: &body))
    case 1: what = .pressure(try Self.pressure(from: &body))
    case 2:
      let scheduler = try body.string()
      var counts: [NamedCount] = []
      for _ in 0..<(try body.uint16()) {
        counts.append(NamedCount(name: try body.string(), count: try body.uint64()))
      }
      what = .schedulerEvents(scheduler: scheduler, counts)
    case 3:
      let id = try WorkerID(from: &body)
      let nodes = try Self.shares(from: &body)
      what = .pages(WorkerPages(id: id, nodes: nodes, cpus: try Self.shares(from: &body)))
    default: throw .badValue(offset: offset, value: UInt64(kind))
    }
  }

  private static func cpus(from body: inout ByteReader) throws(WireError) -> [CPUTimes] {
    var cpus: [CPUTimes] = []
    for _ in 0..<(try body.uint16()) {
      cpus.append(
        CPUTimes(
          cpu: try body.uint32(), busy: try body.uint64(), idle: try body.uint64(),
          steal: try body.uint64()))
    }
    return cpus
  }

  private static func pressure(from body: inout ByteReader) throws(WireError) -> [PressureTotal] {
    var totals: [PressureTotal] = []
    for _ in 0..<(try body.uint16()) {
      let cgroup = try body.string()
      let offset = body.offset
      let raw = try body.uint8()
      guard let resource = PressureResource(rawValue: raw) else {
        throw .badValue(offset: offset, value: UInt64(raw))
      }
      let some = try body.uint64()
      let hasFull = try body.flag()
      let full = try body.uint64()
      totals.append(
        PressureTotal(
          cgroup: cgroup, resource: resource, some: some, full: hasFull ? full : nil))
    }
    return totals
  }

  private static func shares(
    from body: inout ByteReader
  ) throws(WireError) -> [WorkerPages.Share] {
    var shares: [WorkerPages.Share] = []
    for _ in 0..<(try body.uint16()) {
      shares.append(WorkerPages.Share(place: try body.uint32(), count: try body.uint64()))
    }
    return shares
  }
}

extension LatencyInterval {
  func encode(into body: inout ByteWriter) {
    body.uint16(work)
    body.uint8(kind.rawValue)
    body.uint64(monotonic)
    histogram.encode(into: &body)
  }

  init(from body: inout ByteReader) throws(WireError) {
    work = try body.uint16()
    kind = try LatencyKind(from: &body)
    monotonic = try body.uint64()
    histogram = try LatencyHistogram(from: &body)
  }
}
