import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

/// The mock that everything else is tested with.
@Suite struct MockDriverTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func `Q66 it goes on for ever at any depth, in any order, with chains of all kinds`(seed: UInt64)
    throws
  {
    print("mock driver, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let size: UInt16 = [4, 16, 64][Int(seed) - 1]
    let driver = try MockDriver(
      try makeMemory(), size: size, dataSize: 0x4000, firstIndex: 65_000)
    var queue = try driver.makeQueue([.eventIndex, .indirectDescriptors])
    var chain = DescriptorChain()
    var held: [UInt16] = []
    var expected: [UInt16: [UInt8]] = [:]
    var (answered, refused) = (0, 0)
    for _ in 0..<6000 {
      switch generator.next() % 3 {
      case 0:
        let token = UInt8(truncatingIfNeeded: generator.next())
        let readable = MockDriver.Segment.readable([token, token &+ 1, token &+ 2])
        do {
          let request: MockDriver.Request
          switch generator.next() % 3 {
          case 0: request = try driver.place([readable, .writable(40)])
          case 1: request = try driver.placeIndirect([readable, .writable(300)], misalignedBy: 5)
          default:
            request = try driver.placeMixed([readable], indirect: [.readable([9]), .writable(7)])
          }
          expected[request.head] = [token, token &+ 1, token &+ 2]
          try driver.offer(request.head)
        } catch is MockDriver.Failure {
          refused += 1
        }
      case 1:
        guard let head = try take(&queue, &chain) else { continue }
        held.append(head)
        var bytes = [UInt8](repeating: 0, count: 3)
        var span = bytes.mutableSpan
        var room = span.mutableBytes
        _ = chain.read(at: 0, into: &room)
        // No request lies where another one does.
        #expect(bytes == expected[head], "seed \(seed)")
        let fill = [UInt8](repeating: 0x77, count: chain.writableByteCount)
        _ = chain.write(fill.span.bytes, at: 0)
      default:
        while !held.isEmpty, generator.next() % 3 > 0 {
          let place = Int(generator.next() % UInt64(held.count))
          try queue.stage(head: held.remove(at: place), length: 1)
        }
        _ = queue.publish()
        answered += try driver.collect().count
      }
    }
    #expect(answered > 500 && refused > 0)
    #expect(driver.outstandingCount <= Int(size))
    for head in held { try queue.stage(head: head, length: 1) }
    while let head = try take(&queue, &chain) { try queue.stage(head: head, length: 1) }
    _ = queue.publish()
    _ = try driver.collect()
    #expect(driver.outstandingCount == 0 && driver.freeDescriptorCount == Int(size))
  }

  @Test func `what does not fit is refused, and fits once something was returned`() throws {
    let driver = try MockDriver(try makeMemory(), size: 4, dataSize: 0x100)
    let first = try driver.submit([.writable(1), .writable(1), .writable(1)])
    #expect(throws: MockDriver.Failure.noDescriptors(free: 1, needed: 2)) {
      try driver.submit([.writable(1), .writable(1)])
    }
    #expect(throws: MockDriver.Failure.noRoom(byteCount: 0x100)) {
      try driver.submit([.writable(0x100)])
    }
    #expect(driver.freeDescriptorCount == 1)
    #expect(throws: MockDriver.Failure.emptyRequest) { try driver.submit([]) }
    driver.recycle(first.head)
    try driver.submit([.writable(0x60), .writable(0x40)])
  }

  @Test func `it offers no request without a byte, which would break the rules`() throws {
    let driver = try MockDriver(try makeMemory(), size: 4)
    for segments in [
      [.writable(0)], [.readable([]), .readable([])], [.readable([]), .writable(0)],
    ]
      as [[MockDriver.Segment]]
    {
      #expect(throws: MockDriver.Failure.emptyRequest) { try driver.submit(segments) }
    }
    #expect(driver.freeDescriptorCount == 4 && driver.availableIndex == 0)
    // One byte anywhere will do.
    try driver.submit([.readable([]), .readable([1]), .writable(0)])
    var queue = try driver.makeQueue(nextAvailable: 0)
    var chain = DescriptorChain()
    #expect(try take(&queue, &chain) != nil)
    #expect(chain.readableByteCount == 1)
  }

  @Test(arguments: [VirtioFeatures.eventIndex, []])
  func `it asks for interrupts and heeds the wish for notifications`(features: VirtioFeatures)
    throws
  {
    let driver = try MockDriver(try makeMemory(), size: 8, firstIndex: 65_530)
    var queue = try driver.makeQueue(features)
    var chain = DescriptorChain()
    _ = try queue.enableNotifications()
    func answer(_ queue: inout SplitQueue) throws -> Bool {
      try driver.submit([.writable(1)])
      while let head = try take(&queue, &chain) { try queue.stage(head: head, length: 1) }
      _ = queue.publish()
      return queue.shouldInterrupt()
    }
    // The first answer is always told.
    _ = try answer(&queue)
    for step in 0..<20 {
      _ = try driver.collect()
      try driver.wantInterrupt(after: step % 2 == 0 ? 0 : nil)
      let told = try answer(&queue)
      #expect(told == (step % 2 == 0))
      _ = try queue.enableNotifications()
    }
    _ = try driver.shouldNotify()
    var notify = try driver.shouldNotify()
    #expect(!notify)
    try driver.submit([.writable(1)])
    notify = try driver.shouldNotify()
    #expect(notify)
    // The device is at work now and has not wished anew.
    queue.disableNotifications()
    _ = try take(&queue, &chain)
    try driver.submit([.writable(1)])
    notify = try driver.shouldNotify()
    #expect(!notify)
  }
}
