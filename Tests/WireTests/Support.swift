import Wire

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// All that a reader says of a stream that arrives in the given pieces.
func readings(_ pieces: [[UInt8]]) -> [FrameReading] {
  var reader = FrameReader()
  var readings: [FrameReading] = []
  for piece in pieces {
    reader.append(piece)
    while let reading = reader.next() { readings.append(reading) }
  }
  return readings + reader.finish()
}

enum Examples {
  static let id = WorkerID(work: 0x0102, worker: 0x0304)

  /// One event of each kind, and some with odd content.
  static let events: [Event] = [
    .hello(
      Hello(
        runID: 0xfeed_face_cafe_beef, monotonic: 1, realtime: 2, release: "6.12.9-cloud-amd64",
        cpus: 2, memory: 500 << 20, clockSource: "kvm-clock")),
    .stage(StageReached(stage: .workStarted, monotonic: .max)),
    .workerStarted(WorkerStarted(id: id, pid: 77)),
    .samples(SampleBatch(monotonic: 5, samples: [])),
    .samples(
      SampleBatch(
        monotonic: 5,
        samples: [
          Sample(id: id, iterations: 1, cpuNanoseconds: 2, longestGapNanoseconds: 3),
          Sample(
            id: WorkerID(work: 0, worker: 0), iterations: .max, cpuNanoseconds: .max,
            longestGapNanoseconds: .max),
        ])),
    .workerReport(
      WorkerReport(
        id: id, end: .crashed, code: -11, iterations: 1, wallNanoseconds: 2, cpuNanoseconds: 3,
        runDelayNanoseconds: 4, voluntarySwitches: 5, involuntarySwitches: 6, migrations: 7,
        cpusSeen: [0x8000_0000_0000_0001, 2], longestGapNanoseconds: 8,
        longestGapEndNanoseconds: 9, longestGapCPU: 10)),
    .diskReport(
      DiskReport(
        id: id, passes: 1, bytesWritten: 2, bytesVerified: 3, flushes: 4, mismatchedBlocks: 5,
        firstMismatch: 0, ioErrors: 6, lastErrno: 5)),
    .diskReport(
      DiskReport(
        id: id, passes: 0, bytesWritten: 0, bytesVerified: 0, flushes: 0, mismatchedBlocks: 0,
        firstMismatch: nil, ioErrors: 0, lastErrno: 0)),
    .cpuPlace(
      CPUPlace(
        cpu: 3, package: 1, core: -1, siblings: "2-3", cacheLevel: 3, cacheCPUs: "0-1,3,250-253")),
    .nodePlace(NodePlace(node: 1, cpus: "", memory: .max, distances: [20, 10, 254])),
    .problem(Problem(isFatal: true, errno: 19, text: "open /dev/vda")),
    .problem(Problem(isFatal: false, errno: 0, text: "")),
    .log("grüße 中 😀"),
    .finished(Finished(monotonic: 1, droppedEvents: 2)),
  ]

  static let plan = Plan(
    mode: .run, runID: 0x0123_4567_89ab_cdef, seed: 42, durationNanoseconds: 3_000_000_000,
    sampleIntervalNanoseconds: 100_000_000, drainNanoseconds: 5_000_000_000, cpus: 2,
    needsDisk: true,
    cgroups: [
      CgroupPlan(path: "a", settings: [.init(file: "cpu.max", value: "5000 1000000")]),
      CgroupPlan(path: "a/b", settings: []),
    ],
    work: [
      WorkPlan(name: "spin", kind: .spin, workers: 2, cgroup: 1),
      WorkPlan(name: "yield", kind: .yield, workers: 1, cgroup: nil),
      WorkPlan(
        name: "burst", kind: .bursty(busyNanoseconds: 1, sleepNanoseconds: 2), workers: 1,
        cgroup: 0),
      WorkPlan(name: "ping", kind: .pingpong(medium: .pipe), workers: 4, cgroup: nil),
      WorkPlan(
        name: "disk",
        kind: .diskVerify(DiskArea(offset: 512, bytesPerWorker: 65536, blockSize: 4096)),
        workers: 1, cgroup: nil),
    ])
}
