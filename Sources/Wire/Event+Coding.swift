extension Event {
  /// The frame type of each event.
  private enum Code: UInt8 {
    case hello = 1
    case stage = 2
    case workerStarted = 3
    case samples = 4
    case workerReport = 5
    case diskReport = 6
    case problem = 7
    case log = 8
    case finished = 9
    case cpuPlace = 10
    case nodePlace = 11
    case latencyReport = 12
    case scheduler = 24
    case payload = 25
    case phase = 13
    case kernelReading = 40
    case latencyInterval = 41
  }

  /// The longest text of a problem or a log line, in bytes; it keeps the frame within
  /// ``Frame/maximumPayload``.
  package static let maximumText = 1 << 15

  /// The event as a frame with the given place in the stream.
  ///
  /// Texts are cut at ``maximumText``; samples beyond ``SampleBatch/maximumCount`` are left out.
  package func frame(sequence: UInt32) -> Frame {
    var body = ByteWriter()
    let code: Code
    switch self {
    case .hello(let hello):
      code = .hello
      hello.encode(into: &body)
    case .stage(let reached):
      code = .stage
      body.uint8(reached.stage.rawValue)
      body.uint64(reached.monotonic)
    case .workerStarted(let started):
      code = .workerStarted
      started.id.encode(into: &body)
      body.uint32(started.pid)
    case .samples(let batch):
      code = .samples
      body = batch.encoded()
    case .workerReport(let report):
      code = .workerReport
      report.encode(into: &body)
    case .diskReport(let report):
      code = .diskReport
      report.encode(into: &body)
    case .latencyReport(let report):
      code = .latencyReport
      report.encode(into: &body)
    case .cpuPlace(let place):
      code = .cpuPlace
      place.encode(into: &body)
    case .nodePlace(let place):
      code = .nodePlace
      place.encode(into: &body)
    case .scheduler(let event):
      code = .scheduler
      event.encode(into: &body)
    case .payload(let event):
      code = .payload
      event.encode(into: &body)
    case .phase(let report):
      code = .phase
      report.encode(into: &body)
    case .kernelReading(let reading):
      code = .kernelReading
      reading.encode(into: &body)
    case .latencyInterval(let interval):
      code = .latencyInterval
      interval.encode(into: &body)
    case .problem(let problem):
      code = .problem
      body.uint8(problem.isFatal ? 1 : 0)
      body.int32(problem.errno)
      body.string(problem.text, limit: Self.maximumText)
    case .log(let text):
      code = .log
      body.string(text, limit: Self.maximumText)
    case .finished(let finished):
      code = .finished
      body.uint64(finished.monotonic)
      body.uint32(finished.droppedEvents)
    }
    return Frame(type: code.rawValue, sequence: sequence, payload: body.bytes)
  }

  /// Reads an event out of a frame; nil for a type that this build does not know.
  ///
  /// Bytes behind the known fields are ignored, so that a newer guest may append some.
  ///
  /// - Throws: ``WireError`` when the payload is shorter than its fields or a code is unknown.
  package init?(decoding frame: Frame) throws(WireError) {
    guard let code = Code(rawValue: frame.type) else { return nil }
    var body = ByteReader(frame.payload)
    switch code {
    case .hello:
      self = .hello(try Hello(from: &body))
    case .stage:
      let raw = try body.uint8()
      guard let stage = Stage(rawValue: raw) else {
        throw .badValue(offset: 0, value: UInt64(raw))
      }
      self = .stage(StageReached(stage: stage, monotonic: try body.uint64()))
    case .workerStarted:
      self = .workerStarted(
        WorkerStarted(id: try WorkerID(from: &body), pid: try body.uint32()))
    case .samples:
      self = .samples(try SampleBatch(from: &body))
    case .workerReport:
      self = .workerReport(try WorkerReport(from: &body))
    case .diskReport:
      self = .diskReport(try DiskReport(from: &body))
    case .latencyReport:
      self = .latencyReport(try LatencyReport(from: &body))
    case .cpuPlace:
      self = .cpuPlace(try CPUPlace(from: &body))
    case .nodePlace:
      self = .nodePlace(try NodePlace(from: &body))
    case .scheduler:
      self = .scheduler(try SchedulerEvent(from: &body))
    case .payload:
      self = .payload(try PayloadEvent(from: &body))
    case .phase:
      self = .phase(try PhaseReport(from: &body))
    case .kernelReading:
      self = .kernelReading(try KernelReading(from: &body))
    case .latencyInterval:
      self = .latencyInterval(try LatencyInterval(from: &body))
    case .problem:
      self = .problem(
        Problem(
          isFatal: try body.uint8() != 0, errno: try body.int32(), text: try body.string()))
    case .log:
      self = .log(try body.string())
    case .finished:
      self = .finished(
        Finished(monotonic: try body.uint64(), droppedEvents: try body.uint32()))
    }
  }
}

extension WorkerID {
  func encode(into body: inout ByteWriter) {
    body.uint16(work)
    body.uint16(worker)
  }

  init(from body: inout ByteReader) throws(WireError) {
    self.init(work: try body.uint16(), worker: try body.uint16())
  }
}

extension Hello {
  func encode(into body: inout ByteWriter) {
    body.uint64(runID)
    body.uint64(monotonic)
    body.uint64(realtime)
    body.string(release, limit: 4096)
    body.uint32(cpus)
    body.uint64(memory)
    body.string(clockSource, limit: 4096)
  }

  init(from body: inout ByteReader) throws(WireError) {
    self.init(
      runID: try body.uint64(), monotonic: try body.uint64(), realtime: try body.uint64(),
      release: try body.string(), cpus: try body.uint32(), memory: try body.uint64(),
      clockSource: try body.string())
  }
}

extension SampleBatch {
  /// Bytes before the samples.
  private static var headSize: Int { 10 }

  /// The payload; written in place and not word by word, as this is what init does ten times a second.
  func encoded() -> ByteWriter {
    let count = min(samples.count, Self.maximumCount)
    let size = Self.headSize + Sample.encodedSize * count
    let payload = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      unsafe bytes.store(monotonic, at: 0)
      unsafe bytes.store(UInt16(count), at: 8)
      var offset = Self.headSize
      for index in 0..<count {
        let sample = samples[index]
        unsafe bytes.store(sample.id.work, at: offset)
        unsafe bytes.store(sample.id.worker, at: offset &+ 2)
        unsafe bytes.store(sample.iterations, at: offset &+ 4)
        unsafe bytes.store(sample.cpuNanoseconds, at: offset &+ 12)
        unsafe bytes.store(sample.longestGapNanoseconds, at: offset &+ 20)
        unsafe bytes.store(sample.runDelayNanoseconds, at: offset &+ 28)
        unsafe bytes.store(sample.migrations, at: offset &+ 36)
        offset &+= Sample.encodedSize
      }
      filled = size
    }
    return ByteWriter(payload)
  }

  init(from body: inout ByteReader) throws(WireError) {
    let monotonic = try body.uint64()
    var samples: [Sample] = []
    for _ in 0..<(try body.uint16()) {
      samples.append(
        Sample(
          id: try WorkerID(from: &body), iterations: try body.uint64(),
          cpuNanoseconds: try body.uint64(), longestGapNanoseconds: try body.uint64(),
          runDelayNanoseconds: try body.uint64(), migrations: try body.uint64()))
    }
    self.init(monotonic: monotonic, samples: samples)
  }
}

extension WorkerReport {
  func encode(into body: inout ByteWriter) {
    id.encode(into: &body)
    body.uint8(end.rawValue)
    body.int32(code)
    body.uint64(iterations)
    body.uint64(wallNanoseconds)
    body.uint64(cpuNanoseconds)
    body.uint64(runDelayNanoseconds)
    body.uint64(voluntarySwitches)
    body.uint64(involuntarySwitches)
    body.uint64(migrations)
    // 2^16 CPUs; no kernel has more.
    let cpusSeen = cpusSeen.prefix(1024)
    body.uint16(UInt16(cpusSeen.count))
    for word in cpusSeen { body.uint64(word) }
    body.uint64(longestGapNanoseconds)
    body.uint64(longestGapEndNanoseconds)
    body.uint32(longestGapCPU)
    body.uint64(workUnits)
    body.uint64(startDelayNanoseconds)
    body.uint64(endedNanoseconds)
    let sightings = sightings.prefix(Sighting.maximumCount)
    body.uint8(UInt8(sightings.count))
    for sighting in sightings { sighting.encode(into: &body) }
  }

  init(from body: inout ByteReader) throws(WireError) {
    let id = try WorkerID(from: &body)
    let offset = body.offset
    let raw = try body.uint8()
    guard let end = WorkerEnd(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    let code = try body.int32()
    let iterations = try body.uint64()
    let wall = try body.uint64()
    let cpu = try body.uint64()
    let delay = try body.uint64()
    let voluntary = try body.uint64()
    let involuntary = try body.uint64()
    let migrations = try body.uint64()
    var cpus: [UInt64] = []
    for _ in 0..<(try body.uint16()) { cpus.append(try body.uint64()) }
    self.init(
      id: id, end: end, code: code, iterations: iterations, wallNanoseconds: wall,
      cpuNanoseconds: cpu, runDelayNanoseconds: delay, voluntarySwitches: voluntary,
      involuntarySwitches: involuntary, migrations: migrations, cpusSeen: cpus,
      longestGapNanoseconds: try body.uint64(), longestGapEndNanoseconds: try body.uint64(),
      longestGapCPU: try body.uint32(), workUnits: try body.uint64(),
      startDelayNanoseconds: try body.uint64(), endedNanoseconds: try body.uint64())
    let place = body.offset
    let count = try body.uint8()
    guard count <= Sighting.maximumCount else {
      throw .badValue(offset: place, value: UInt64(count))
    }
    for _ in 0..<count { sightings.append(try Sighting(from: &body)) }
  }
}

extension DiskReport {
  func encode(into body: inout ByteWriter) {
    id.encode(into: &body)
    body.uint32(passes)
    body.uint64(bytesWritten)
    body.uint64(bytesVerified)
    body.uint32(flushes)
    body.uint64(mismatchedBlocks)
    body.uint8(firstMismatch == nil ? 0 : 1)
    body.uint64(firstMismatch ?? 0)
    body.uint64(ioErrors)
    body.int32(lastErrno)
  }

  init(from body: inout ByteReader) throws(WireError) {
    let id = try WorkerID(from: &body)
    let passes = try body.uint32()
    let written = try body.uint64()
    let verified = try body.uint64()
    let flushes = try body.uint32()
    let mismatched = try body.uint64()
    let hasMismatch = try body.uint8() != 0
    let mismatch = try body.uint64()
    self.init(
      id: id, passes: passes, bytesWritten: written, bytesVerified: verified, flushes: flushes,
      mismatchedBlocks: mismatched, firstMismatch: hasMismatch ? mismatch : nil,
      ioErrors: try body.uint64(), lastErrno: try body.int32())
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores a word little-endian; it must lie within the buffer.
  fileprivate func store(_ value: some FixedWidthInteger, at offset: Int) {
    unsafe storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
  }
}
