import Testing
import Wire

@Suite struct EventTests {
  @Test(arguments: Examples.events)
  func `an event comes back as it was`(event: Event) throws {
    let frame = event.frame(sequence: 7)
    #expect(frame.sequence == 7)
    #expect(try Event(decoding: frame) == event)
  }

  @Test(arguments: Stage.allCases)
  func `a stage comes back as it was`(stage: Stage) throws {
    let event = Event.stage(StageReached(stage: stage, monotonic: 1))
    #expect(try Event(decoding: event.frame(sequence: 0)) == event)
  }

  @Test func `events have these bytes`() {
    let stage = Event.stage(StageReached(stage: .workStarted, monotonic: 0x0102)).frame(sequence: 0)
    #expect(stage.type == 2)
    #expect(
      stage.payload == [
        0x05,  // stage
        0x02, 0x01, 0, 0, 0, 0, 0, 0,  // monotonic
      ])
    let batch = Event.samples(
      SampleBatch(
        monotonic: 1,
        samples: [
          Sample(
            id: Examples.id, iterations: 2, cpuNanoseconds: 3, longestGapNanoseconds: 4,
            runDelayNanoseconds: 5, migrations: 6)
        ])
    ).frame(sequence: 0)
    #expect(batch.type == 4)
    #expect(
      batch.payload == [
        0x01, 0, 0, 0, 0, 0, 0, 0,  // monotonic
        0x01, 0,  // count
        0x02, 0x01, 0x04, 0x03,  // work, worker
        0x02, 0, 0, 0, 0, 0, 0, 0,  // iterations
        0x03, 0, 0, 0, 0, 0, 0, 0,  // CPU time
        0x04, 0, 0, 0, 0, 0, 0, 0,  // longest gap
        0x05, 0, 0, 0, 0, 0, 0, 0,  // run delay
        0x06, 0, 0, 0, 0, 0, 0, 0,  // migrations
      ])
    let problem = Event.problem(Problem(isFatal: true, errno: -2, text: "é")).frame(sequence: 0)
    #expect(problem.type == 7)
    #expect(
      problem.payload == [
        0x01,  // fatal
        0xfe, 0xff, 0xff, 0xff,  // errno
        0x02, 0x00, 0xc3, 0xa9,  // text
      ])
  }

  @Test func `a type of a later version is no event and no error`() throws {
    #expect(try Event(decoding: Frame(type: 200, sequence: 0, payload: [1, 2, 3])) == nil)
  }

  @Test(arguments: Examples.events)
  func `fields that a later version appends are ignored`(event: Event) throws {
    var frame = event.frame(sequence: 0)
    frame.payload += [1, 2, 3, 4]
    #expect(try Event(decoding: frame) == event)
  }

  @Test(arguments: Examples.events)
  func `a payload cut anywhere is an error`(event: Event) {
    let frame = event.frame(sequence: 0)
    for length in 0..<frame.payload.count {
      var cut = frame
      cut.payload = Array(frame.payload.prefix(length))
      #expect(throws: WireError.self, "cut to \(length)") { try Event(decoding: cut) }
    }
  }

  @Test func `codes and text out of range are errors with their place`() {
    func error(_ type: UInt8, _ payload: [UInt8]) -> WireError? {
      do throws(WireError) {
        _ = try Event(decoding: Frame(type: type, sequence: 0, payload: payload))
        return nil
      } catch {
        return error
      }
    }
    let zeros = [UInt8](repeating: 0, count: 100)
    #expect(error(2, [0] + zeros) == .badValue(offset: 0, value: 0))
    #expect(error(2, [8] + zeros) == .badValue(offset: 0, value: 8))
    #expect(error(5, [0, 0, 0, 0, 5] + zeros) == .badValue(offset: 4, value: 5))
    // A latency of no kind, and buckets that do not ascend or are too many.
    #expect(error(12, [0, 0, 0, 0, 3] + zeros) == .badValue(offset: 4, value: 3))
    let latency = [0, 0, 0, 0, 1] + zeros[..<32]
    #expect(
      error(12, latency + [2, 0, 5, 0, 1, 0, 0, 0, 5, 0, 1, 0, 0, 0])
        == .badValue(offset: 45, value: 5))
    #expect(error(12, latency + [1, 0, 0, 4, 1, 0, 0, 0]) == .badValue(offset: 39, value: 1024))
    #expect(error(8, [2, 0, 0xc3, 0x28]) == .badText(offset: 2))
    #expect(
      error(4, Array(zeros[..<8]) + [0xff, 0xff]) == .truncated(offset: 10, needed: 2, available: 0)
    )
  }

  @Test func `mutated payloads never trap`() {
    let seed: UInt64 = 0x6576_6e74
    var generator = SeededGenerator(seed: seed)
    var errors = 0
    for round in 0..<30_000 {
      var frame = Examples.events[round % Examples.events.count].frame(sequence: 0)
      for _ in 0..<3 where !frame.payload.isEmpty {
        let place = Int.random(in: 0..<frame.payload.count, using: &generator)
        frame.payload[place] = UInt8.random(in: .min ... .max, using: &generator)
      }
      if round.isMultiple(of: 3) { frame.type = UInt8.random(in: 0..<28, using: &generator) }
      do throws(WireError) {
        guard let event = try Event(decoding: frame) else { continue }
        // What decodes can be encoded, and then decodes to the same.
        #expect(
          try Event(decoding: event.frame(sequence: 0)) == event, "seed \(seed), round \(round)")
      } catch {
        errors += 1
      }
    }
    #expect(errors > 1_000)
  }

  @Test func `no event is longer than a frame may be`() throws {
    let long = String(repeating: "é", count: 100_000)
    let samples = (0..<5_000).map {
      Sample(
        id: WorkerID(work: 0, worker: UInt16($0)), iterations: 1, cpuNanoseconds: 1,
        longestGapNanoseconds: 1)
    }
    guard case .workerReport(var report) = Examples.events[5] else {
      Issue.record("no report among the examples")
      return
    }
    report.cpusSeen = [UInt64](repeating: 1, count: 70_000)
    let events: [Event] = [
      .log("x" + long), .problem(Problem(isFatal: true, errno: 1, text: long)),
      .hello(
        Hello(
          runID: 1, monotonic: 1, realtime: 1, release: long, cpus: 1, memory: 1,
          clockSource: long)),
      .samples(SampleBatch(monotonic: 1, samples: samples)), .workerReport(report),
      .cpuPlace(
        CPUPlace(cpu: 1, package: 1, core: 1, siblings: long, cacheLevel: 3, cacheCPUs: long)),
      .nodePlace(
        NodePlace(
          node: 1, cpus: long, memory: 1, distances: [UInt8](repeating: 20, count: 70_000))),
    ]
    for event in events {
      let frame = event.frame(sequence: 0)
      #expect(frame.payload.count <= Frame.maximumPayload)
      #expect(readings([frame.encoded()]) == [.frame(frame)])
      #expect(try Event(decoding: frame) != nil)
    }
    // A text is cut between characters: "x" and two bytes for each other one.
    #expect(
      try Event(decoding: events[0].frame(sequence: 0))
        == .log("x" + String(repeating: "é", count: Event.maximumText / 2 - 1)))
    guard case .samples(let batch) = try Event(decoding: events[3].frame(sequence: 0)) else {
      Issue.record("no batch came back")
      return
    }
    #expect(batch.samples == Array(samples.prefix(SampleBatch.maximumCount)))
  }
}
