import DriverMock
import GuestMemory
import Testing
import Virtio

/// What a queue owes its driver whatever the device is, shown on the block device.
@Suite struct QueueDutiesTests {
  private static let flush: [MockDriver.Segment] = [
    .readable(BlockBench.header(BlockBench.flush)), .writable(1),
  ]

  @Test func `Q36 a queue that is not ready is refused, and a device without one rests`() throws {
    let driver = try MockDriver(try makeMemory(), size: 8)
    var configuration = try driver.configuration()
    configuration.ready = false
    #expect(throws: QueueError.notReady) {
      _ = try SplitQueue(configuration, in: driver.memory, features: [])
    }
    // Never set up at all: the size is still the largest, the addresses are zero.
    #expect(throws: QueueError.notReady) {
      _ = try SplitQueue(QueueConfiguration(maximumSize: 8), in: driver.memory, features: [])
    }
    let device = BlockDevice(backing: try BlockBacking(memory: 512))
    let outcome = device.service(queue: 0, cause: .notification)
    #expect(!outcome.more && !outcome.interrupt && outcome.failure == nil)
  }

  @Test(arguments: [0, 1, 2, 8] as [Int])
  func `Q42 the reported length is what stands in the buffers`(sectors: Int) throws {
    let bench = try BlockBench()
    let answer = try bench.perform([
      .readable(BlockBench.header(BlockBench.read)), .writable(sectors * 512), .writable(1),
    ])
    #expect(answer.status == 0)
    #expect(answer.length == UInt32(sectors * 512 + 1))
    // The driver's pattern is gone from each byte that is counted.
    #expect(answer.data.allSatisfy { $0 == 0 })
    let refused = try bench.perform([
      .readable(BlockBench.header(BlockBench.read, 1 << 40)), .writable(512), .writable(1),
    ])
    #expect(refused.status == 1 && refused.length == 1)
    // What is not counted was not touched.
    #expect(refused.data.allSatisfy { $0 == 0xee })
  }

  @Test func `Q58 a notification for nothing changes nothing, and the next request is served`()
    throws
  {
    let bench = try BlockBench()
    for _ in 0..<100 {
      let outcome = bench.device.service(queue: 0, cause: .notification)
      #expect(!outcome.interrupt && !outcome.more && outcome.failure == nil)
    }
    #expect(try bench.driver.usedIndex == 0)
    #expect(try bench.perform(Self.flush).status == 0)
  }

  @Test func `Q60 NOTIFY_ON_EMPTY is not offered, and not accepted`() throws {
    let notifyOnEmpty = VirtioFeatures(rawValue: 1 << 24)
    let device = BlockDevice(backing: try BlockBacking(memory: 512))
    #expect(device.offeredFeatures.isDisjoint(with: notifyOnEmpty))
    #expect(!device.acceptFeatures(device.offeredFeatures.union(notifyOnEmpty)))
    // A driver that wants no interrupts gets none when the ring runs empty.
    let bench = try BlockBench(features: [.version1])
    try bench.driver.setAvailableFlags(1)
    try bench.driver.submit(Self.flush)
    let outcome = bench.work()
    #expect(!outcome.interrupt)
    #expect(try bench.driver.collect().count == 1)
  }

  @Test func `Q62 nothing is answered or interrupted before the start, nor after a reset`() throws {
    let bench = try BlockBench()
    bench.device.reset()
    try bench.driver.submit(Self.flush)
    let outcome = bench.device.service(queue: 0, cause: .notification)
    #expect(!outcome.interrupt && !outcome.more)
    #expect(try bench.driver.usedIndex == 0)
    // The request waits in the ring, and the start finds it without a notification.
    try #require(bench.device.acceptFeatures(bench.features))
    bench.device.startQueue(0, try bench.driver.makeQueue(bench.features, nextAvailable: 0))
    let started = bench.work(.continuation)
    #expect(started.interrupt)
    #expect(try bench.driver.collect().count == 1)
  }

  @Test func `Q64 one turn takes a bounded number of requests and asks for another`() throws {
    let bench = try BlockBench(size: 1024)
    for _ in 0..<500 { try bench.driver.submit(Self.flush) }
    var turns = 0
    var more = true
    var most = 0
    while more && turns < 1000 {
      let before = try bench.driver.usedIndex
      more = bench.device.service(queue: 0, cause: .continuation).more
      most = max(most, Int(try bench.driver.usedIndex &- before))
      turns += 1
    }
    #expect(try bench.driver.usedIndex == 500)
    #expect(most <= 64 && turns >= 500 / 64)
  }
}
