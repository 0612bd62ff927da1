package import Wire

/// One decoded event as a line of `events.jsonl`.
///
/// The line is for people and their tools; a verdict reads the raw stream.
package struct EventLine: Encodable {
  /// Host monotonic time of arrival, nanoseconds.
  package var host: UInt64
  /// The event.
  package var event: Event

  /// Makes a line.
  package init(host: UInt64, event: Event) {
    self.host = host
    self.event = event
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  package func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: Key.self)
    try line.encode(host, forKey: Key("host"))
    func put(_ name: String, _ value: some Encodable) throws {
      try line.encode(value, forKey: Key(name))
    }
    switch event {
    case .hello(let hello):
      try put("event", "hello")
      try put("runID", hello.runID)
      try put("guest", hello.monotonic)
      try put("realtime", hello.realtime)
      try put("release", hello.release)
      try put("cpus", hello.cpus)
      try put("memory", hello.memory)
      try put("clockSource", hello.clockSource)
    case .stage(let reached):
      try put("event", "stage")
      try put("stage", "\(reached.stage)")
      try put("guest", reached.monotonic)
    case .workerStarted(let started):
      try put("event", "workerStarted")
      try put("work", started.id.work)
      try put("worker", started.id.worker)
      try put("pid", started.pid)
    case .samples(let batch):
      try put("event", "samples")
      try put("guest", batch.monotonic)
      try put("samples", batch.samples.map(SampleLine.init))
    case .workerReport(let report):
      try put("event", "workerReport")
      try put("report", WorkerReportLine(report: report))
    case .diskReport(let report):
      try put("event", "diskReport")
      try put("work", report.id.work)
      try put("worker", report.id.worker)
      try put("passes", report.passes)
      try put("bytesWritten", report.bytesWritten)
      try put("bytesVerified", report.bytesVerified)
      try put("flushes", report.flushes)
      try put("mismatchedBlocks", report.mismatchedBlocks)
      try put("firstMismatch", report.firstMismatch)
      try put("ioErrors", report.ioErrors)
      try put("lastErrno", report.lastErrno)
    case .latencyReport(let report):
      try put("event", "latencyReport")
      try put("work", report.id.work)
      try put("worker", report.id.worker)
      try put("kind", "\(report.kind)")
      try put("latency", LatencyLine(histogram: report.histogram))
      try put("worst", SightingLine(sighting: report.worst))
    case .cpuPlace(let place):
      try put("event", "cpu")
      try put("cpu", place.cpu)
      try put("package", place.package)
      try put("core", place.core)
      try put("siblings", place.siblings)
      try put("cacheLevel", place.cacheLevel)
      try put("cacheCPUs", place.cacheCPUs)
    case .nodePlace(let place):
      try put("event", "node")
      try put("node", place.node)
      try put("cpus", place.cpus)
      try put("memory", place.memory)
      try put("distances", place.distances)
    case .scheduler(let event):
      try put("event", "scheduler")
      try put("scheduler", event.scheduler)
      try put("guest", event.monotonic)
      try put("what", CompanionLine(event.what))
    case .payload(let event):
      try put("event", "payload")
      try put("payload", event.payload)
      try put("guest", event.monotonic)
      try put("what", CompanionLine(event.what))
    case .phase(let report):
      try put("event", "phase")
      try put("step", report.step)
      try put("phase", report.phase)
      try put("guest", report.monotonic)
      switch report.what {
      case .began: try put("what", "began")
      case .action(let number, let began, let text, let failure, let errno):
        try put("what", "action")
        try put("action", number)
        try put("began", began)
        try put("text", text)
        if !failure.isEmpty { try put("failure", failure) }
        try put("errno", errno)
      case .ended(let end):
        try put("what", "ended")
        try put("end", "\(end)")
      }
    case .kernelReading(let reading):
      try put("event", "kernel")
      try put("moment", "\(reading.moment)")
      try put("guest", reading.monotonic)
      try put("read", KernelLine(what: reading.what))
    case .latencyInterval(let interval):
      try put("event", "latencyInterval")
      try put("work", interval.work)
      try put("kind", "\(interval.kind)")
      try put("guest", interval.monotonic)
      try put("latency", LatencyLine(histogram: interval.histogram))
    case .problem(let problem):
      try put("event", "problem")
      try put("fatal", problem.isFatal)
      try put("errno", problem.errno)
      try put("text", problem.text)
    case .log(let text):
      try put("event", "log")
      try put("text", text)
    case .finished(let finished):
      try put("event", "finished")
      try put("guest", finished.monotonic)
      try put("droppedEvents", finished.droppedEvents)
    }
  }
}

/// A sample in short: `[work, worker, iterations, CPU ns, longest gap ns, run delay ns, migrations]`.
private struct SampleLine: Encodable {
  let sample: Sample

  func encode(to encoder: any Encoder) throws {
    var list = encoder.unkeyedContainer()
    try list.encode(UInt64(sample.id.work))
    try list.encode(UInt64(sample.id.worker))
    try list.encode(sample.iterations)
    try list.encode(sample.cpuNanoseconds)
    try list.encode(sample.longestGapNanoseconds)
    try list.encode(sample.runDelayNanoseconds)
    try list.encode(sample.migrations)
  }
}

private struct WorkerReportLine: Encodable {
  let report: WorkerReport

  enum CodingKeys: String, CodingKey {
    case work, worker, end, code, iterations, wall, cpu, runDelay, voluntarySwitches
    case involuntarySwitches, migrations, cpusSeen, longestGap, longestGapEnd, longestGapCPU
    case offCPU, workUnits, startDelay, ended, sightings
  }

  func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: CodingKeys.self)
    try line.encode(report.id.work, forKey: .work)
    try line.encode(report.id.worker, forKey: .worker)
    try line.encode("\(report.end)", forKey: .end)
    try line.encode(report.code, forKey: .code)
    try line.encode(report.iterations, forKey: .iterations)
    try line.encode(report.wallNanoseconds, forKey: .wall)
    try line.encode(report.cpuNanoseconds, forKey: .cpu)
    try line.encode(report.runDelayNanoseconds, forKey: .runDelay)
    try line.encode(report.voluntarySwitches, forKey: .voluntarySwitches)
    try line.encode(report.involuntarySwitches, forKey: .involuntarySwitches)
    try line.encode(report.migrations, forKey: .migrations)
    try line.encode(report.cpusSeen, forKey: .cpusSeen)
    try line.encode(report.longestGapNanoseconds, forKey: .longestGap)
    try line.encode(report.longestGapEndNanoseconds, forKey: .longestGapEnd)
    try line.encode(report.longestGapCPU, forKey: .longestGapCPU)
    try line.encode(report.offCPUNanoseconds, forKey: .offCPU)
    try line.encode(report.workUnits, forKey: .workUnits)
    try line.encode(report.startDelayNanoseconds, forKey: .startDelay)
    try line.encode(report.endedNanoseconds, forKey: .ended)
    try line.encode(report.sightings.map(SightingLine.init), forKey: .sightings)
  }
}

/// A CPU and when, in nanoseconds after the start of the worker's group.
private struct SightingLine: Encodable {
  let sighting: Sighting

  enum CodingKeys: String, CodingKey {
    case cpu, at
  }

  func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: CodingKeys.self)
    try line.encode(sighting.cpu, forKey: .cpu)
    try line.encode(sighting.nanoseconds, forKey: .at)
  }
}

/// Latencies in short, nanoseconds.
struct LatencyLine: Encodable {
  let histogram: LatencyHistogram

  enum CodingKeys: String, CodingKey {
    case count, sum, min, p50, p90, p99, p999, max
  }

  func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: CodingKeys.self)
    try line.encode(histogram.count, forKey: .count)
    try line.encode(histogram.sum, forKey: .sum)
    try line.encode(histogram.minimum, forKey: .min)
    try line.encode(histogram.median, forKey: .p50)
    try line.encode(histogram.percentile(0.9), forKey: .p90)
    try line.encode(histogram.percentile(0.99), forKey: .p99)
    try line.encode(histogram.percentile(0.999), forKey: .p999)
    try line.encode(histogram.maximum, forKey: .max)
  }
}
