import DriverMock
import HostOS
import Testing
import Virtio

@Suite struct FaultTests {
  @Test(arguments: engines)
  func `an error hits its operation and its range only`(engine: BlockEngineChoice) throws {
    let plan = FaultPlan(rules: [.init(.write, .error, range: 1024..<1536)])
    let bench = try BlockBench(engine: engine, faults: plan)
    for (sector, count, status) in [(0, 2, 0), (2, 1, 1), (1, 2, 1), (3, 1, 0), (0, 4, 1)]
      as [(UInt64, Int, UInt8)]
    {
      #expect(try bench.writeSectors(sector, pattern(count * 512)).status == status)
    }
    #expect(try bench.readSectors(2, 1).status == 0)
    let counters = bench.device.counters()
    #expect(counters.faultsInjected == 3)
    #expect(counters.backingErrors == 3)
    #expect(counters.writes == 2)
    // What failed did not reach the disk.
    #expect(try bench.disk(1024, 512).allSatisfy { $0 == 0 })
  }

  @Test(arguments: engines)
  func `a corrupt read differs in one byte inside the range, the disk does not`(
    engine: BlockEngineChoice
  ) throws {
    let plan = FaultPlan(rules: [.init(.read, .corrupt, range: 700..<710)], seed: 5)
    let bench = try BlockBench(engine: engine, faults: plan)
    let bytes = pattern(2048)
    try bench.fillDisk(bytes)
    var places: Set<Int> = []
    for _ in 0..<50 {
      let answer = try bench.readSectors(0, 4)
      #expect(answer.status == 0)
      let differing = bytes.indices.filter { answer.data[$0] != bytes[$0] }
      #expect(differing.count == 1)
      places.formUnion(differing)
    }
    #expect(places.isSubset(of: Set(700..<710)))
    #expect(places.count > 3)
    #expect(try bench.disk(0, 2048) == bytes)
    #expect(bench.device.counters().faultsInjected == 50)
  }

  @Test(arguments: engines)
  func `a corrupt write differs in one byte on the disk, the guest's buffer does not`(
    engine: BlockEngineChoice
  ) throws {
    let bench = try BlockBench(
      engine: engine, faults: FaultPlan(rules: [.init(.write, .corrupt)], seed: 9))
    let bytes = pattern(1024)
    #expect(try bench.writeSectors(2, bytes).status == 0)
    let stored = try bench.disk(1024, 1024)
    #expect(bytes.indices.filter { stored[$0] != bytes[$0] }.count == 1)
    #expect(try bench.disk(0, 1024).allSatisfy { $0 == 0 })
  }

  @Test(arguments: engines)
  func `a short transfer moves the first half and fails`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(
      engine: engine, faults: FaultPlan(rules: [.init(.write, .short), .init(.read, .short)]))
    let bytes = pattern(4 * 512)
    let answer = try bench.writeSectors(0, bytes)
    #expect(answer.status == 1 && answer.length == 1)
    #expect(
      try bench.disk(0, 2048) == Array(bytes[..<1024]) + [UInt8](repeating: 0, count: 1024))
    let read = try bench.readSectors(0, 4)
    #expect(read.status == 1 && read.length == 1)
    #expect(Array(read.data[..<1024]) == Array(bytes[..<1024]))
    #expect(read.data[1024...].allSatisfy { $0 == 0xee })
    #expect(bench.device.counters().writes == 0)
  }

  @Test(arguments: engines)
  func `a delay makes an operation late, and shows in the latency`(engine: BlockEngineChoice) throws
  {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 3_000_000))])
    let bench = try BlockBench(engine: engine, faults: plan)
    let start = MonotonicTime.now()
    #expect(try bench.readSectors(0, 1).status == 0)
    #expect(MonotonicTime.now().nanoseconds(since: start) >= 3_000_000)
    #expect(bench.device.counters().readLatency.minimum >= 3_000_000)
    #expect(try bench.writeSectors(0, pattern(512)).status == 0)
    #expect(bench.device.counters().faultsInjected == 1)
  }

  @Test(arguments: engines)
  func `slow requests hold up neither each other nor later ones`(engine: BlockEngineChoice) throws {
    let plan = FaultPlan(rules: [.init(.read, .delay(nanoseconds: 300_000_000))])
    let bench = try BlockBench(engine: engine, faults: plan)
    for _ in 0..<4 {
      try bench.driver.submit([
        .readable(BlockBench.header(BlockBench.read)), .writable(512), .writable(1),
      ])
    }
    try bench.driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
    let started = MonotonicTime.now()
    let outcome = bench.work()
    #expect(outcome.interrupt)
    let used = try bench.driver.collect()
    #expect(used.count == 5)
    #expect(used.first?.length == 1)
    // All are late together, not one after the other.
    let took = MonotonicTime.now().nanoseconds(since: started)
    #expect(took >= 300_000_000)
    #expect(took < 1_200_000_000)
  }

  @Test(arguments: engines)
  func `flush faults fail flushes`(engine: BlockEngineChoice) throws {
    let bench = try BlockBench(engine: engine, faults: FaultPlan(rules: [.init(.flush, .error)]))
    let flush = try bench.perform([
      .readable(BlockBench.header(BlockBench.flush)), .writable(1),
    ])
    #expect(flush.status == 1)
    #expect(bench.device.counters().flushes == 0)
    #expect(bench.device.counters().backingErrors == 1)
  }

  @Test(arguments: engines)
  func `the same seed gives the same faults, about as often as asked for`(engine: BlockEngineChoice)
    throws
  {
    func run(_ seed: UInt64) throws -> [UInt8] {
      let plan = FaultPlan(rules: [.init(.read, .error, probability: 0.25)], seed: seed)
      let bench = try BlockBench(engine: engine, faults: plan)
      return try (0..<400).map { _ in try bench.readSectors(0, 1).status ?? 9 }
    }
    let first = try run(1)
    #expect(try run(1) == first)
    #expect(try run(2) != first)
    let failures = first.count { $0 == 1 }
    #expect((60...140).contains(failures))
  }

  @Test(arguments: engines)
  func `probabilities are brought into range, zero never strikes`(engine: BlockEngineChoice) throws
  {
    #expect(FaultPlan.Rule(.read, .error, probability: 7).probability == 1)
    #expect(FaultPlan.Rule(.read, .error, probability: -1).probability == 0)
    #expect(FaultPlan.Rule(.read, .error, probability: .nan).probability == 0)
    let bench = try BlockBench(
      engine: engine, faults: FaultPlan(rules: [.init(.read, .error, probability: 0)]))
    for _ in 0..<200 { #expect(try bench.readSectors(0, 1).status == 0) }
  }

  @Test(arguments: engines)
  func `delays add up before another effect, the first other effect ends the list`(
    engine: BlockEngineChoice
  ) throws {
    let plan = FaultPlan(rules: [
      .init(.write, .delay(nanoseconds: 1_000_000)), .init(.write, .delay(nanoseconds: 1_000_000)),
      .init(.write, .error), .init(.write, .corrupt),
    ])
    let bench = try BlockBench(engine: engine, faults: plan)
    let start = MonotonicTime.now()
    #expect(try bench.writeSectors(0, pattern(512)).status == 1)
    #expect(MonotonicTime.now().nanoseconds(since: start) >= 2_000_000)
    #expect(try bench.disk(0, 512).allSatisfy { $0 == 0 })
    #expect(bench.device.counters().faultsInjected == 2)
  }
}
