import DriverMock
import Histogram
import HostOS
import Testing
import Virtio

@Suite struct BlockCounterTests {
  @Test func `durations are counted in the cells of the histogram package`() {
    var random = SplitMix64(seed: 12)
    var theirs = LatencyLayout.emptyHistogram()
    var ours = LatencyLayout.emptyHistogram()
    var values: [UInt64] = [0, 1, 255, 256, 257, 511, 512, 513, LatencyLayout.highest]
    for _ in 0..<20_000 { values.append(random.next() >> (29 + random.next() % 35)) }
    for value in values {
      let index = LatencyLayout.index(of: value)
      #expect(index >= 0 && index < LatencyLayout.count)
      let lowest = LatencyLayout.lowest(of: index)
      #expect(lowest <= value && value - lowest <= lowest / 128)
      #expect(LatencyLayout.index(of: lowest) == index)
      ours.record(lowest)
      theirs.record(value)
    }
    for percentile in [0.1, 1, 25, 50, 90, 99, 99.9, 99.99] {
      #expect(ours.valueAtPercentile(percentile) == theirs.valueAtPercentile(percentile))
    }
    // Longer than a minute is a minute, and does not pass the last cell.
    for value in [LatencyLayout.highest + 1, 1 << 40, .max] as [UInt64] {
      #expect(LatencyLayout.index(of: value) == LatencyLayout.count - 1)
    }
  }

  @Test(arguments: engines)
  func `B24 counters and distributions equal the operations, for the device and for each queue`(
    engine: BlockEngineChoice
  ) throws {
    var options = BlockOptions()
    options.engine = engine
    options.queueCount = 3
    let device = BlockDevice(backing: try BlockBacking(memory: 1 << 20), options: options)
    try #require(device.acceptFeatures(device.offeredFeatures))
    let memory = try makeMemory(0x80_0000)
    let drivers = try (0..<3).map {
      try MockDriver(memory, size: 256, base: 0x1000 + UInt64($0) * 0x20_0000)
    }
    for (index, driver) in drivers.enumerated() {
      device.startQueue(index, try driver.makeQueue(device.acceptedFeatures))
      for round in 0..<(index + 1) * 4 {
        try driver.submit([
          .readable(BlockBench.header(BlockBench.write, UInt64(round))),
          .readable(pattern(1024)), .writable(1),
        ])
        try driver.submit([
          .readable(BlockBench.header(BlockBench.read, UInt64(round))), .writable(512),
          .writable(1),
        ])
      }
      try driver.submit([.readable(BlockBench.header(BlockBench.flush)), .writable(1)])
      try driver.submit([
        .readable(BlockBench.header(BlockBench.discard)),
        .readable(BlockBench.ranges([(0, 8, 0), (9, 1, 0)])), .writable(1),
      ])
      try driver.submit([
        .readable(BlockBench.header(BlockBench.writeZeroes)),
        .readable(BlockBench.ranges([(0, 4, 1)])), .writable(1),
      ])
      var answered = 0
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
      while answered < (index + 1) * 8 + 3, MonotonicTime.now() < deadline {
        while device.service(queue: index, cause: .wake).more {}
        answered += try driver.collect().count
      }
    }
    var sum: UInt64 = 0
    for index in 0..<3 {
      let counters = device.counters(ofQueue: index)
      let rounds = UInt64(index + 1) * 4
      #expect(counters.writes == rounds && counters.reads == rounds)
      #expect(counters.bytesWritten == rounds * 1024 && counters.bytesRead == rounds * 512)
      #expect(counters.flushes == 1 && counters.discards == 1 && counters.writeZeroes == 1)
      #expect(counters.bytesDiscarded == 9 * 512 && counters.bytesZeroed == 4 * 512)
      #expect(counters.readLatency.count == rounds && counters.writeLatency.count == rounds)
      #expect(counters.flushLatency.count == 1 && counters.discardLatency.count == 2)
      #expect(counters.queueDepth == 0 && counters.inFlight == 0)
      #expect(counters.maximumInFlight >= 1)
      for latency in [counters.readLatency, counters.writeLatency, counters.flushLatency] {
        #expect(latency.minimum > 0 && latency.minimum <= latency.p50)
        #expect(latency.p50 <= latency.p99 && latency.p99 <= latency.p999)
        #expect(latency.p999 <= latency.maximum && latency.sum >= latency.maximum)
      }
      sum += counters.writes
    }
    let all = device.counters()
    #expect(all.writes == sum && sum == 24)
    #expect(device.histograms().read.totalCount == 24)
    #expect(device.histograms().discard.totalCount == 6)
    #expect(device.counters(ofQueue: 3) == BlockCounters())
    #expect(device.counters(ofQueue: -1) == BlockCounters())
  }

  @Test func `counters can be read while a queue is busy`() throws {
    let bench = try BlockBench(size: 64)
    let device = bench.device
    var reads: UInt64 = 0
    try withThread(
      "reader",
      {
        var last: UInt64 = 0
        for _ in 0..<300 {
          let counters = device.counters()
          if counters.reads < last { return }
          last = counters.reads
        }
      },
      while: { () throws in
        for _ in 0..<500 {
          #expect(try bench.readSectors(0, 1).status == 0)
          reads += 1
        }
      })
    #expect(device.counters().reads == reads)
  }
}
