import DriverMock
import Glibc
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

// The table of what C1, C2 and so on stand for is in ConsoleControlTests.swift.

@Suite struct ConsoleDataTests {
  @Test func `C10 C11 data moves only while the guest has the port open`() throws {
    let sink = BufferedConsoleSink()
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink, source: source)])
    try bench.offerControl(10)
    try bench.offerInput(4, size: 16)
    #expect(source.write([1, 2, 3]) == 3)
    try bench.write([9])
    try bench.send(.max, .deviceReady, 1)
    try bench.send(0, .portReady, 1)
    #expect(sink.read() == [])
    #expect(try bench.input() == [])
    // What waited on both sides goes as soon as it may.
    try bench.send(0, .portOpen, 1)
    #expect(sink.read() == [9])
    #expect(try bench.input() == [[1, 2, 3]])

    try bench.send(0, .portOpen, 0)
    #expect(source.write([4]) == 1)
    try bench.write([8])
    try bench.settle()
    #expect(sink.read() == [])
    #expect(try bench.input() == [])
    try bench.send(0, .portOpen, 1)
    #expect(sink.read() == [8])
    #expect(try bench.input() == [[4]])
  }

  @Test func `C33 a driver without MULTIPORT has port 0, open from the start, and no control`()
    throws
  {
    let sinks = [BufferedConsoleSink(), BufferedConsoleSink()]
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench(
      [ConsolePortOptions(sink: sinks[0], source: source), ConsolePortOptions(sink: sinks[1])],
      features: [.version1])
    try bench.write([5])
    #expect(sinks[0].read() == [5])
    #expect(source.write([6]) == 1)
    try bench.offerInput(1, size: 8)
    #expect(try bench.input() == [[6]])
    try bench.write([7], to: 1)
    #expect(sinks[1].read() == [])
    try bench.offerControl(3)
    try bench.send(.max, .deviceReady, 1)
    bench.device.resize(port: 0, columns: 1, rows: 1)
    try bench.settle()
    #expect(try bench.control() == [])
    #expect(bench.count(.controlReceived) == 0)
  }

  @Test func `C18 output of any length and shape goes out whole`() throws {
    let sink = BufferedConsoleSink(capacity: 1 << 20)
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink)])
    try bench.open()
    for (count, pieces) in [(1, 1), (40_000, 1), (200_000, 1), (200_000, 17), (60_000, 60)] {
      let bytes = pattern(count, seed: UInt64(count + pieces))
      let size = (count + pieces - 1) / pieces
      try bench.submit(
        1,
        (0..<pieces).map { .readable(Array(bytes[$0 * size..<min(count, $0 * size + size)])) })
      bench.work(1)
      #expect(sink.read() == bytes)
      _ = try bench.queues[1].collect()
    }
    #expect(bench.count(.buffersOut) == 5 && bench.count(.bytesOut) == 500_001)
    #expect(bench.count(.bytesDiscarded) == 0)
  }

  @Test func `C19 C21 C22 output that is not taken stays in the guest until it is`() throws {
    let sink = BufferedConsoleSink(capacity: 10)
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink)])
    try bench.open()
    let bytes = pattern(35)
    for start in stride(from: 0, to: 35, by: 7) {
      try bench.submit(1, [.readable(Array(bytes[start..<start + 7]))])
    }
    bench.work(1)
    // One and a half chains are taken, one is answered; nobody asks for more turns.
    #expect(sink.waitingCount == 10)
    #expect(try bench.queues[1].collect().map(\.length) == [0])
    #expect(try !bench.isAwake(1))
    #expect(bench.count(.outputBlocked) == 1)
    var seen = sink.read(3)
    #expect(try bench.isAwake(1))
    try bench.settle()
    #expect(sink.waitingCount == 10)
    for _ in 0..<20 {
      seen += sink.read(4)
      try bench.settle()
    }
    #expect(seen == bytes)
    #expect(try bench.queues[1].collect().map(\.length) == [0, 0, 0, 0])
    #expect(bench.count(.bytesOut) == 35 && bench.count(.buffersOut) == 5)
    // No byte was sent twice, and none is left.
    #expect(sink.read() == [])
  }

  @Test func `C21 what was taken of one chain is not left out of another in its place`() throws {
    let sink = BufferedConsoleSink(capacity: 4)
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink)])
    try bench.open()
    try bench.write([1, 2, 3, 4, 5, 6])
    #expect(sink.read() == [1, 2, 3, 4])
    // The driver breaks its word and puts another chain where the first one waits.
    let queue = bench.queues[1]
    let other = try queue.place([.readable([7, 8, 9])])
    try bench.memory.store(
      other.head, at: GuestAddress(queue.availableRing.rawValue + 4))
    try bench.settle()
    #expect(sink.read() == [7, 8, 9])
    #expect(try queue.collect().map(\.head) == [UInt32(other.head)])
  }

  @Test func `C20 nobody is signalled for nothing`() throws {
    let sink = BufferedConsoleSink()
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink, source: source)])
    try bench.open()
    let before = bench.interrupts
    // Room without input, kicks without chains, wakes without a reason.
    try bench.offerInput(3, size: 8)
    for queue in 0..<4 {
      bench.work(queue)
      bench.work(queue, .wake)
      #expect(try !bench.isAwake(queue))
    }
    #expect(bench.interrupts == before)
    #expect(try bench.input() == [])
    // Three writes before the turn are one wake, one turn, one interrupt.
    for byte in 1...3 as ClosedRange<UInt8> { #expect(source.write([byte]) == 1) }
    bench.work(0, .wake)
    #expect(try !bench.isAwake(0))
    #expect(try bench.input() == [[1, 2, 3]])
    #expect(bench.interrupts[0, default: 0] == before[0, default: 0] + 1)
  }

  @Test func `C23 C24 received chains tell their bytes, and come back only with some`() throws {
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench([ConsolePortOptions(source: source)])
    try bench.open()
    try bench.submit(0, [.writable(2), .writable(3)])
    try bench.offerInput(3, size: 4)
    #expect(try bench.input() == [])
    #expect(source.write([1, 2, 3, 4, 5, 6, 7]) == 7)
    try bench.settle()
    #expect(try bench.input() == [[1, 2, 3, 4, 5], [6, 7]])
    #expect(source.write([8]) == 1)
    try bench.settle()
    #expect(try bench.input() == [[8]])
    try bench.settle()
    #expect(try bench.input() == [])
    #expect(bench.count(.bytesIn) == 8 && bench.count(.buffersIn) == 3)
    // What was not written stays as it was.
    #expect(bench.device.counts(ofPort: 0)[.malformedBuffer] == 0)
  }

  @Test func `C25 input that comes before there are buffers is given when they come`() throws {
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench([ConsolePortOptions(source: source)])
    #expect(source.write([1, 2]) == 2)
    try bench.open()
    #expect(source.write([3, 4]) == 2)
    try bench.settle()
    #expect(try bench.input() == [])
    #expect(source.waitingCount == 4)
    try bench.offerInput(1, size: 3)
    #expect(try bench.input() == [[1, 2, 3]])
    try bench.offerInput(1, size: 3)
    #expect(try bench.input() == [[4]])
  }

  @Test func `C26 a writer is told how much was taken, and when there is room again`() throws {
    let source = try BufferedConsoleSource(capacity: 10)
    let bench = try ConsoleBench([ConsolePortOptions(source: source)])
    try bench.open()
    func hasRoom() throws -> Bool {
      try Poll.wait(readable: source.roomDescriptor, timeoutNanoseconds: 0)
    }
    #expect(source.write([UInt8](repeating: 1, count: 7)) == 7)
    #expect(source.write([UInt8](repeating: 2, count: 7)) == 3)
    #expect(source.write([3]) == 0)
    #expect(try !hasRoom())
    try bench.offerInput(1, size: 4)
    #expect(try bench.input() == [[1, 1, 1, 1]])
    #expect(try hasRoom())
    #expect(source.write([4, 4, 4, 4, 4]) == 4)
    #expect(try !hasRoom())
    try bench.offerInput(3, size: 4)
    #expect(try bench.input() == [[1, 1, 1, 2], [2, 2, 4, 4], [4, 4]])
    // Nobody was cut short by the last write, so nobody is told.
    #expect(try hasRoom())
    #expect(source.write([5]) == 1)
    try bench.offerInput(1, size: 4)
    #expect(try bench.input() == [[5]])
    #expect(try !hasRoom())
  }

  @Test func `C26 a long conversation over small rings loses and repeats nothing`() throws {
    let sink = BufferedConsoleSink(capacity: 33)
    let source = try BufferedConsoleSource(capacity: 29)
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink, source: source)], size: 8)
    try bench.offerControl(6)
    try bench.send(.max, .deviceReady, 1)
    try bench.send(0, .portReady, 1)
    try bench.send(0, .portOpen, 1)
    print("console conversation, seed 26")
    var generator = SplitMix64(seed: 26)
    let typed = pattern(3000, seed: 1)
    let printed = pattern(3000, seed: 2)
    var given = 0
    var got: [UInt8] = []
    var offered = 0
    var seen: [UInt8] = []
    var freeIn = 8
    var freeOut = 8
    for _ in 0..<20_000 where got.count < 3000 || seen.count < 3000 {
      switch generator.next() % 4 {
      case 0: given += source.write(typed[given..<min(3000, given + Int(generator.next() % 50))])
      case 1: seen += sink.read(Int(generator.next() % 40))
      case 2 where freeIn > 0:
        try bench.offerInput(1, size: Int(generator.next() % 20) + 1)
        freeIn -= 1
      case 3 where freeOut > 0 && offered < 3000:
        let count = min(3000 - offered, Int(generator.next() % 60) + 1)
        try bench.write(Array(printed[offered..<offered + count]))
        offered += count
        freeOut -= 1
      default: break
      }
      try bench.settle()
      let pieces = try bench.input()
      freeIn += pieces.count
      got += pieces.flatMap { $0 }
      freeOut += try bench.queues[1].collect().count
    }
    #expect(got == typed)
    #expect(seen == printed)
    #expect(bench.count(.bytesIn) == 3000 && bench.count(.bytesOut) == 3000)
  }

  @Test func `C16 data buffers that go the wrong way come back, and the others go on`() throws {
    let sink = BufferedConsoleSink()
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink, source: source)])
    try bench.open()
    try bench.submit(1, [.readable([1]), .writable(4)])
    try bench.submit(1, [.writable(4)])
    try bench.submit(1, [.readable([2])])
    bench.work(1)
    #expect(sink.read() == [2])
    #expect(try bench.queues[1].collect().map(\.length) == [0, 0, 0])
    #expect(source.write([3]) == 1)
    try bench.submit(0, [.readable([1]), .writable(4)])
    try bench.submit(0, [.writable(4)])
    bench.work(0)
    #expect(try bench.input() == [[], [3]])
    #expect(bench.count(.malformedBuffer) == 3)
    #expect(bench.failures == [])
  }
}
