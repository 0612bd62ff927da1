import DriverMock
import HostOS
import Testing
import Virtio

@Suite struct BlockIntegrityTests {
  @Test(arguments: engines, [1, 4])
  func `not one byte differs after thousands of overlapping requests with faults`(
    engine: BlockEngineChoice, queues: Int
  ) throws {
    var workload = DiskWorkload()
    workload.requests = 5_000
    workload.seed = 20 + UInt64(queues)
    workload.queues = queues
    workload.engine = engine
    workload.faults = DiskWorkload.usualFaults(seed: workload.seed)
    let report = try workload.run()
    #expect(report.troubles == [], "seed \(workload.seed)")
    #expect(report.answered >= 5_000)
    #expect(report.compared > 10_000)
    #expect(report.failed > 0)
    let counters = report.counters
    // B24: what the device counted is what the driver saw.
    #expect(
      counters.reads + counters.writes + counters.flushes + counters.discards
        + counters.writeZeroes + counters.ioErrors == UInt64(report.answered))
    #expect(counters.ioErrors == UInt64(report.failed))
    #expect(counters.inFlight == 0 && counters.abandoned == 0)
  }

  @Test(arguments: engines, [.read, .write, .discard, .writeZeroes] as [FaultPlan.Operation])
  func `one wrong byte is found`(engine: BlockEngineChoice, operation: FaultPlan.Operation) throws {
    var workload = DiskWorkload()
    workload.requests = 1500
    workload.engine = engine
    workload.faults = FaultPlan(rules: [.init(operation, .corrupt, probability: 0.5)], seed: 4)
    #expect(try workload.run().troubles != [])
  }
}
