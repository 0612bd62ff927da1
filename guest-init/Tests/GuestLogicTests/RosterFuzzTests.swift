import GuestLogic
import Testing
import Wire

/// Plans with every kind of work and numbers at the ends of their ranges.
@Suite struct RosterFuzzTests {
  private static let area = DiskArea(offset: 512, bytesPerWorker: 65536, blockSize: 4096)

  private static let kinds: [WorkKind] = [
    .spin, .bursty(busyNanoseconds: 1, sleepNanoseconds: 2), .timerLatency(intervalNanoseconds: 6),
    .preemptStorm(intervalNanoseconds: 7, busyNanoseconds: 8), .pingpong(medium: .futex),
    .epollEvents(producers: 1, pauseNanoseconds: 15),
    .producerConsumer(
      QueueLoad(producers: 1, depth: 17, produceNanoseconds: 18, consumeNanoseconds: 19)),
    .priorityInversion(
      InversionLoad(
        inherits: true, holdNanoseconds: 23, busyNanoseconds: 24, pauseNanoseconds: 25)),
    .cgroupChurn(dwellNanoseconds: 29, first: 0, count: 1), .pageFaultChurn(bytes: 8192),
    .numaSweep(bytes: 8192, dwellNanoseconds: 33), .diskRandom(area, writePercent: 34),
    .diskVerify(area),
    .schedMessages(MessageLoad(messengers: 1, thinkNanoseconds: 36, busyNanoseconds: 37)),
    .cacheServer(CacheLoad(perSecond: 38, bytes: 8192, lookups: 40)),
  ]

  private static let plan = Plan(
    mode: .run, runID: 1, seed: 2, durationNanoseconds: 3, sampleIntervalNanoseconds: 4,
    drainNanoseconds: 5, cpus: 4, needsDisk: true,
    cgroups: [CgroupPlan(path: "a", settings: [.init(file: "cpu.weight", value: "5")])],
    work: kinds.map { kind in
      WorkPlan(
        name: "w", kind: kind, workers: 6, cgroup: 0, policy: .fifo(priority: 3), nice: 1,
        affinity: [CPUSet([0, 3])], areThreads: true)
    })

  private static func sealed(_ body: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint32(Plan.magic)
    writer.uint16(Plan.version)
    writer.uint16(0)
    writer.uint32(UInt32(body.count))
    writer.uint32(CRC32C.checksum(body))
    writer.raw(body)
    return writer.bytes
  }

  @Test func `a damaged plan is refused, or names as many workers as it says`() throws {
    #expect(try Self.plan.roster(diskSize: 1 << 30).count == 6 * Self.kinds.count)
    let seed: UInt64 = 0x726f_7374
    var random = SeededRandom(seed: seed)
    let body = Array(Self.plan.encoded().dropFirst(16))
    var accepted = 0
    var refused = 0
    for round in 0..<6_000 {
      var mutated = body
      for _ in 0...random.next(below: 3) {
        let place = Int(random.next(below: UInt64(body.count)))
        mutated[place] = [0, 1, 0x7f, 0x80, 0xff][Int(random.next(below: 5))]
      }
      guard let plan = try? Plan(decoding: Self.sealed(mutated)) else { continue }
      do throws(Refusal) {
        let roster = try plan.roster(diskSize: 1 << 30)
        let count = plan.work.reduce(0) { $0 + Int($1.workers) }
        #expect(roster.count == count, "seed \(seed), round \(round)")
        #expect(count <= Int(Plan.maximumWorkers))
        accepted += 1
      } catch {
        refused += 1
      }
    }
    #expect(accepted > 500)
    #expect(refused > 500)
  }
}
