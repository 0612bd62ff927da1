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
          Sample(
            id: id, iterations: 1, cpuNanoseconds: 2, longestGapNanoseconds: 3,
            runDelayNanoseconds: 4, migrations: 5),
          Sample(
            id: WorkerID(work: 0, worker: 0), iterations: .max, cpuNanoseconds: .max,
            longestGapNanoseconds: .max),
        ])),
    .workerReport(
      WorkerReport(
        id: id, end: .crashed, code: -11, iterations: 1, wallNanoseconds: 2, cpuNanoseconds: 3,
        runDelayNanoseconds: 4, voluntarySwitches: 5, involuntarySwitches: 6, migrations: 7,
        cpusSeen: [0x8000_0000_0000_0001, 2], longestGapNanoseconds: 8,
        longestGapEndNanoseconds: 9, longestGapCPU: 10, workUnits: 11, startDelayNanoseconds: 12,
        endedNanoseconds: 13)),
    .workerReport(
      {
        var report = WorkerReport(
          id: id, end: .stopped, code: 0, iterations: 1, wallNanoseconds: 2, cpuNanoseconds: 3,
          runDelayNanoseconds: 4, voluntarySwitches: 5, involuntarySwitches: 6, migrations: 7,
          cpusSeen: [3], longestGapNanoseconds: 8, longestGapEndNanoseconds: 9, longestGapCPU: 10)
        report.sightings = [
          Sighting(cpu: 1, nanoseconds: 5), Sighting(cpu: .max, nanoseconds: .max),
        ]
        return report
      }()),
    .diskReport(
      DiskReport(
        id: id, passes: 1, bytesWritten: 2, bytesVerified: 3, flushes: 4, mismatchedBlocks: 5,
        firstMismatch: 0, ioErrors: 6, lastErrno: 5)),
    .diskReport(
      DiskReport(
        id: id, passes: 0, bytesWritten: 0, bytesVerified: 0, flushes: 0, mismatchedBlocks: 0,
        firstMismatch: nil, ioErrors: 0, lastErrno: 0)),
    .latencyReport(
      LatencyReport(
        id: id, kind: .wake, histogram: latencies([3, 70, 70, 1 << 40]),
        worst: Sighting(cpu: 6, nanoseconds: 7))),
    .latencyReport(LatencyReport(id: id, kind: .request, histogram: LatencyHistogram())),
    .kernelReading(
      KernelReading(
        moment: .workEnded, monotonic: 1,
        what: .cpus([
          CPUTimes(cpu: 0, busy: 1, idle: 2, steal: 3),
          CPUTimes(cpu: .max, busy: .max, idle: 0, steal: 0),
        ]))),
    .kernelReading(
      KernelReading(
        moment: .workStarted, monotonic: 2,
        what: .pressure([
          PressureTotal(cgroup: "", resource: .cpu, some: 1, full: nil),
          PressureTotal(cgroup: "a/b", resource: .io, some: .max, full: 0),
        ]))),
    .kernelReading(
      KernelReading(
        moment: .schedulerStopping, monotonic: 3,
        what: .schedulerEvents(
          scheduler: "fifo", [NamedCount(name: "SCX_EV_BYPASS_ACTIVATE", count: 4)]))),
    .kernelReading(
      KernelReading(
        moment: .schedulerAttached, monotonic: 4,
        what: .pages(
          WorkerPages(
            id: id, nodes: [.init(place: 0, count: 5), .init(place: 1, count: 6)],
            cpus: [.init(place: 3, count: 7)])))),
    .latencyInterval(
      LatencyInterval(work: 1, kind: .wake, monotonic: 5, histogram: latencies([3, 70, 70]))),
    .cpuPlace(
      CPUPlace(
        cpu: 3, package: 1, core: -1, siblings: "2-3", cacheLevel: 3, cacheCPUs: "0-1,3,250-253")),
    .nodePlace(NodePlace(node: 1, cpus: "", memory: .max, distances: [20, 10, 254])),
    .scheduler(SchedulerEvent(scheduler: 1, monotonic: 2, what: .started(pid: 3))),
    .scheduler(SchedulerEvent(scheduler: 0, monotonic: .max, what: .attached(name: "fifo_1"))),
    .scheduler(SchedulerEvent(scheduler: 0, monotonic: 4, what: .notAttached(text: "a\nb"))),
    .scheduler(SchedulerEvent(scheduler: 0, monotonic: 5, what: .lost(state: "disabling"))),
    .scheduler(
      SchedulerEvent(
        scheduler: 0, monotonic: 6,
        what: .ended(
          SchedulerEnd(
            isDeliberate: true, process: .signaled(9), state: "disabled", kernelLog: "x\n")))),
    .scheduler(
      SchedulerEvent(
        scheduler: 0, monotonic: 6,
        what: .ended(
          SchedulerEnd(isDeliberate: false, process: nil, state: "enabled", kernelLog: "")))),
    .scheduler(
      SchedulerEvent(scheduler: 0, monotonic: 7, what: .output(.standardError, [0, 255, 10]))),
    .scheduler(SchedulerEvent(scheduler: 0, monotonic: 8, what: .outputCut(.standardOutput))),
    .scheduler(SchedulerEvent(scheduler: 2, monotonic: 9, what: .toldToGo)),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .started(pid: 9))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .output(.standardOutput, [1, 2]))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .outputCut(.standardError))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .file(index: 3, []))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .fileMissing(index: 3, errno: 2))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .ended(.exited(7), .itself))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .ended(.notStarted(errno: 12), .limit))),
    .payload(PayloadEvent(payload: 2, monotonic: 1, what: .ended(nil, .endOfWork))),
    .phase(PhaseReport(step: 0x01020304, phase: "p", monotonic: 5, what: .began)),
    .phase(
      PhaseReport(
        step: 1, phase: "", monotonic: .max,
        what: .action(
          number: 2, began: 3, text: "rmdir ä", failure: "rmdir ä: busy", errno: 16))),
    .phase(PhaseReport(step: 2, phase: "q", monotonic: 6, what: .ended(.limitReached))),
    .problem(Problem(isFatal: true, errno: 19, text: "open /dev/vda")),
    .problem(Problem(isFatal: false, errno: 0, text: "")),
    .log("grüße 中 😀"),
    .finished(Finished(monotonic: 1, droppedEvents: 2)),
  ]

  /// A histogram of these values.
  static func latencies(_ values: [UInt64]) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    for value in values { histogram.record(value) }
    return histogram
  }

  /// One of each kind of work, with a different number in every place.
  static let kinds: [WorkKind] = [
    .spin, .aluMix, .yield, .bursty(busyNanoseconds: 1, sleepNanoseconds: 2),
    .realtimeHog(busyNanoseconds: 3, sleepNanoseconds: 4), .idleChurn(sleepNanoseconds: 5),
    .timerLatency(intervalNanoseconds: 6),
    .preemptStorm(intervalNanoseconds: 7, busyNanoseconds: 8), .pingpong(medium: .pipe),
    .pingpong(medium: .futex), .wakeChain(busyNanoseconds: 9),
    .fanOut(pauseNanoseconds: 10, busyNanoseconds: 11),
    .thunderingHerd(pauseNanoseconds: 12, busyNanoseconds: 13),
    .epollEvents(producers: 14, pauseNanoseconds: 15),
    .producerConsumer(
      QueueLoad(producers: 16, depth: 17, produceNanoseconds: 18, consumeNanoseconds: 19)),
    .signalStorm(pauseNanoseconds: 20),
    .mutexContention(holdNanoseconds: 21, outsideNanoseconds: 22),
    .priorityInversion(
      InversionLoad(
        inherits: true, holdNanoseconds: 23, busyNanoseconds: 24, pauseNanoseconds: 25)),
    .forkExitChurn, .niceSweep(dwellNanoseconds: 26), .policyChurn(dwellNanoseconds: 27),
    .affinityChurn(dwellNanoseconds: 28),
    .cgroupChurn(dwellNanoseconds: 29, first: 0, count: 2), .pageFaultChurn(bytes: 30),
    .cachePressure(bytes: 31), .numaSweep(bytes: 32, dwellNanoseconds: 33),
    .diskSequential(area, operation: .mixed), .diskRandom(area, writePercent: 34),
    .diskSyncConvoy(area), .diskVerify(area),
    .schedMessages(MessageLoad(messengers: 35, thinkNanoseconds: 36, busyNanoseconds: 37)),
    .cacheServer(CacheLoad(perSecond: 38, bytes: 39, lookups: 40)),
  ]

  private static let area = DiskArea(offset: 512, bytesPerWorker: 65536, blockSize: 4096)

  /// One of each policy.
  static let policies: [SchedulingPolicy] = [
    .normal, .batch, .idle, .ext, .fifo(priority: 98), .roundRobin(priority: 1),
    .deadline(runtime: 1, deadline: 2, period: .max),
  ]

  static let plan = Plan(
    mode: .run, runID: 0x0123_4567_89ab_cdef, seed: 42, durationNanoseconds: 3_000_000_000,
    sampleIntervalNanoseconds: 100_000_000, drainNanoseconds: 5_000_000_000, cpus: 2,
    needsDisk: true,
    cgroups: [
      CgroupPlan(path: "a", settings: [.init(file: "cpu.max", value: "5000 1000000")]),
      CgroupPlan(path: "a/b", settings: [], comesLater: true),
    ],
    work: kinds.enumerated().map { index, kind in
      WorkPlan(
        name: "work\(index)", kind: kind, workers: UInt32(index), cgroup: [nil, 0, 1][index % 3],
        policy: policies[index % policies.count], nice: Int8(index % 40 - 20),
        affinity: [[], [CPUSet([0, 64])], [CPUSet([3]), CPUSet([200])]][index % 3],
        areThreads: index % 2 == 1, startsLater: index % 5 == 4)
    },
    schedulers: [
      SchedulerPlan(
        name: "fifo", program: program, attachNanoseconds: 1, stopNanoseconds: 2,
        startsBeforeWork: true),
      SchedulerPlan(
        name: "vtime", program: program, attachNanoseconds: 3, stopNanoseconds: 4,
        startsBeforeWork: false),
    ],
    payloads: [
      PayloadPlan(
        name: "p", program: program, limitNanoseconds: nil, cgroup: 1, files: ["/tmp/a", "/b"],
        startsWithWork: true),
      PayloadPlan(
        name: "q", program: program, limitNanoseconds: 5, cgroup: nil, files: [],
        startsWithWork: false),
    ], phases: phases, steps: [0, 1, 1, 2, 0])

  private static let program = ProgramPlan(
    path: "/ktstr/scheduler/ktstr-scx", arguments: ["ktstr-scx", "run", ""],
    environment: ["A=ü"], directory: "/tmp", modules: [])

  /// Phases with each kind of hold and of action, and a different number in every place.
  static let phases: [PhasePlan] = [
    PhasePlan(name: "first", actions: [], hold: .time(41)),
    PhasePlan(
      name: "second",
      actions: [
        .createCgroup(1), .removeCgroup(0),
        .setCgroup(
          1, [.init(file: "cpuset.cpus", value: "0-2"), .init(file: "cpu.max", value: "max")]),
        .freezeCgroup(0, isFrozen: true), .freezeCgroup(1, isFrozen: false),
        .moveWork(3, cgroup: 1), .moveWork(4, cgroup: nil), .startWork(5), .stopWork(6),
      ], hold: .until(PhaseCondition(work: 7, metric: .iterations(42)), limitNanoseconds: 43)),
    PhasePlan(
      name: "third",
      actions: [
        .setAffinity(8, []), .setAffinity(9, [CPUSet([1, 70]), CPUSet([2])]),
        .setPolicy(10, .deadline(runtime: 1, deadline: 2, period: 3), nice: -20),
        .setPolicy(11, .normal, nice: 19), .setCPUs(CPUSet([1, 3]), isOnline: false),
        .setCPUs(CPUSet([1]), isOnline: true), .startScheduler(0), .stopScheduler(1),
        .replaceScheduler(0, with: 1), .runPayload(1, waits: true), .runPayload(0, waits: false),
      ], hold: .until(PhaseCondition(work: 12, metric: .perSecond(44)), limitNanoseconds: 45)),
  ]
}
