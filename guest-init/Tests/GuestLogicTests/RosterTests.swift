import GuestLogic
import Testing
import Wire

@Suite struct RosterTests {
  private func plan(_ work: [WorkPlan], cgroups: [CgroupPlan] = []) -> Plan {
    Plan(
      mode: .run, runID: 0, seed: 0, durationNanoseconds: 1, sampleIntervalNanoseconds: 1,
      drainNanoseconds: 1, cpus: 1, needsDisk: false, cgroups: cgroups, work: work)
  }

  private func disk(
    _ offset: UInt64 = 0, _ bytes: UInt64 = 8192, _ block: UInt32 = 4096, workers: UInt32 = 2
  ) -> WorkPlan {
    WorkPlan(
      name: "disk",
      kind: .diskVerify(DiskArea(offset: offset, bytesPerWorker: bytes, blockSize: block)),
      workers: workers, cgroup: nil)
  }

  @Test func `workers come group by group with their numbers`() throws {
    let roster = try plan([
      WorkPlan(name: "a", kind: .spin, workers: 2, cgroup: nil),
      WorkPlan(name: "b", kind: .pingpong(medium: .pipe), workers: 2, cgroup: 0),
    ]).roster(diskSize: nil)
    #expect(roster.map(\.id.work) == [0, 0, 1, 1])
    #expect(roster.map(\.id.worker) == [0, 1, 0, 1])
    #expect(roster.map(\.processName) == ["a.0", "a.1", "b.0", "b.1"])
    #expect(roster.map(\.cgroup) == [nil, nil, 0, 0])
  }

  @Test func `process names fit the kernel's 15 bytes and keep their number`() throws {
    let work = WorkPlan(name: "ein Name mit ü, lang", kind: .spin, workers: 11, cgroup: nil)
    let names = try plan([work]).roster(diskSize: nil).map(\.processName)
    #expect(names[10] == "ein_Name_mit.10")
    #expect(names.allSatisfy { $0.utf8.count <= 15 })
  }

  @Test func `more workers than the guest can hold are refused without counting over`() {
    let work = WorkPlan(name: "a", kind: .spin, workers: .max, cgroup: nil)
    #expect(throws: Refusal.self) { try plan([work, work]).roster(diskSize: nil) }
  }

  @Test func `pingpong without a partner is refused`() {
    let work = WorkPlan(name: "a", kind: .pingpong(medium: .pipe), workers: 3, cgroup: nil)
    #expect(throws: Refusal.self) { try plan([work]).roster(diskSize: nil) }
  }

  @Test(arguments: [
    WorkKind.priorityInversion(
      InversionLoad(
        inherits: true, holdNanoseconds: 1, busyNanoseconds: 1, pauseNanoseconds: 1)),
    .epollEvents(producers: 4, pauseNanoseconds: 1),
    .epollEvents(producers: .max, pauseNanoseconds: 1),
    .producerConsumer(
      QueueLoad(producers: 0, depth: 1, produceNanoseconds: 1, consumeNanoseconds: 1)),
    .producerConsumer(
      QueueLoad(producers: 1, depth: .max, produceNanoseconds: 1, consumeNanoseconds: 1)),
    .schedMessages(MessageLoad(messengers: 0, thinkNanoseconds: 1, busyNanoseconds: 1)),
    .cacheServer(CacheLoad(perSecond: 0, bytes: 4096, lookups: 1)),
    .cacheServer(CacheLoad(perSecond: 1, bytes: .max, lookups: 1)),
    .cacheServer(CacheLoad(perSecond: 1, bytes: 0, lookups: 1)),
    .timerLatency(intervalNanoseconds: 0),
    .preemptStorm(intervalNanoseconds: 0, busyNanoseconds: 1), .pageFaultChurn(bytes: 0),
    .cachePressure(bytes: 1 << 40), .numaSweep(bytes: 4095, dwellNanoseconds: 1),
  ])
  func `parameters by which a worker would divide, or take all memory, are refused`(
    kind: WorkKind
  ) {
    let work = WorkPlan(name: "a", kind: kind, workers: 4, cgroup: nil)
    #expect(throws: Refusal.self) { try plan([work]).roster(diskSize: nil) }
  }

  @Test func `workers share out the sets of CPUs, and none is outside of the machine`() throws {
    var work = WorkPlan(
      name: "a", kind: .spin, workers: 3, cgroup: nil, policy: .batch, nice: 4,
      affinity: [CPUSet([0]), CPUSet([0, 0])], areThreads: true)
    let roster = try plan([work]).roster(diskSize: nil)
    #expect(roster.map(\.affinity) == [CPUSet([0]), CPUSet([0]), CPUSet([0])])
    #expect(roster.allSatisfy { $0.policy == .batch && $0.nice == 4 && $0.isThread })
    #expect(roster.allSatisfy { $0.groupSize == 3 })
    work.affinity = [CPUSet([1])]
    #expect(throws: Refusal.self) { try plan([work]).roster(diskSize: nil) }
    work.affinity = []
    #expect(try plan([work]).roster(diskSize: nil).first?.affinity == nil)
  }

  @Test func `disk work without a disk is refused`() {
    #expect(throws: Refusal.self) { try plan([disk()]).roster(diskSize: nil) }
  }

  @Test func `disk parts may fill the disk to its last byte`() throws {
    #expect(try plan([disk(512)]).roster(diskSize: 16384 + 512).count == 2)
    #expect(throws: Refusal.self) { try plan([disk(512)]).roster(diskSize: 16384 + 511) }
  }

  @Test func `disk ranges that wrap around are refused`() {
    for work in [disk(.max - 511), disk(0, .max - 4095), disk(0, 8192, 0), disk(0, 0)] {
      #expect(throws: Refusal.self) { try plan([work]).roster(diskSize: .max) }
    }
  }

  @Test(arguments: [UInt32(0), 100, 513, 32 << 20])
  func `block sizes that O_DIRECT does not take are refused`(block: UInt32) {
    #expect(throws: Refusal.self) {
      try plan([disk(0, UInt64(block), block)]).roster(diskSize: 1 << 30)
    }
  }

  @Test(arguments: ["", "/a", "a/", "a//b", "..", "a/../b", ".hidden"])
  func `cgroup paths that leave the work root are refused`(path: String) {
    #expect(throws: Refusal.self) {
      try plan([], cgroups: [CgroupPlan(path: path, settings: [])]).roster(diskSize: nil)
    }
  }

  @Test func `control files outside their group are refused`() {
    let setting = CgroupPlan.Setting(file: "../cpu.max", value: "max")
    #expect(throws: Refusal.self) {
      try plan([], cgroups: [CgroupPlan(path: "a", settings: [setting])]).roster(diskSize: nil)
    }
  }

  @Test func `a group that hands controllers down cannot hold workers`() throws {
    let setting = CgroupPlan.Setting(file: "cpu.max", value: "max")
    let work = WorkPlan(name: "w", kind: .spin, workers: 1, cgroup: 0)
    let outer = CgroupPlan(path: "a", settings: [])
    let inner = CgroupPlan(path: "a/b", settings: [setting])
    #expect(throws: Refusal.self) {
      try plan([work], cgroups: [outer, inner]).roster(diskSize: nil)
    }
    let bare = CgroupPlan(path: "a/b", settings: [])
    #expect(try plan([work], cgroups: [outer, bare]).roster(diskSize: nil).count == 1)
  }
}
