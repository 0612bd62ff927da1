import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

// The table of what C1, C2 and so on stand for is in ConsoleControlTests.swift.

@Suite struct ConsoleHostileTests {
  typealias Event = ConsoleMessage.Event
  private static func message(_ port: UInt32, _ event: Event, _ value: UInt16, _ rest: [UInt8] = [])
    -> [UInt8]
  {
    ConsoleBench.message(port, event, value, rest)
  }

  @Test func `C12 a driver that failed, with all or with one port, is not told more`() throws {
    let bench = try ConsoleBench([ConsolePortOptions(name: "a"), ConsolePortOptions(name: "b")])
    try bench.offerControl(20)
    try bench.send(.max, .deviceReady, 0)
    #expect(try bench.control() == [])
    #expect(bench.count(.driverFailure) == 1)
    try bench.send(.max, .deviceReady, 1)
    #expect(try bench.control().count == 2)
    try bench.send(1, .portReady, 0)
    #expect(try bench.control() == [])
    #expect(bench.count(.portFailure) == 1)
    try bench.send(1, .portOpen, 1)
    #expect(!bench.device.isOpen(1) && bench.count(.unexpectedMessage) == 1)
    // Another try may do better.
    try bench.send(1, .portReady, 1)
    #expect(try bench.control().count == 2)
    try bench.send(.max, .deviceReady, 0)
    try bench.send(1, .portOpen, 1)
    #expect(!bench.device.isOpen(1))
  }

  @Test
  func `C13 messages about ports that do not exist, or not yet, are counted and change nothing`()
    throws
  {
    let bench = try ConsoleBench([ConsolePortOptions(), ConsolePortOptions()])
    try bench.offerControl(20)
    for event in [.portReady, .portOpen] as [Event] {
      for port in [2, 3, 0xffff, 0x8000_0000, .max] as [UInt32] {
        for value in [0, 1] as [UInt16] { try bench.send(port, event, value) }
      }
    }
    #expect(bench.count(.unknownPort) == 20)
    // Nobody was told of port 1 yet.
    try bench.send(1, .portReady, 1)
    try bench.send(1, .portOpen, 1)
    #expect(bench.count(.unexpectedMessage) == 2)
    #expect(!bench.device.isOpen(0) && !bench.device.isOpen(1))
    try bench.send(.max, .deviceReady, 1)
    #expect(try bench.control().count == 2)
    // Open before ready.
    try bench.send(1, .portOpen, 1)
    #expect(!bench.device.isOpen(1) && bench.count(.unexpectedMessage) == 3)
  }

  @Test func `C14 opening twice, and closing twice, is counted and changes nothing`() throws {
    let sink = BufferedConsoleSink()
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink)])
    try bench.open()
    for _ in 0..<5 { try bench.send(0, .portOpen, 1) }
    #expect(bench.count(.repeatedMessage) == 5 && bench.device.isOpen(0))
    try bench.write([1, 2])
    #expect(sink.read() == [1, 2])
    try bench.send(0, .portOpen, 0)
    for _ in 0..<3 { try bench.send(0, .portOpen, 0) }
    #expect(bench.count(.repeatedMessage) == 8 && !bench.device.isOpen(0))
    #expect(bench.count(.opened) == 1 && bench.count(.closed) == 1)
  }

  @Test func `C16 control buffers of the wrong kind or size come back, and the message waits`()
    throws
  {
    let bench = try ConsoleBench([ConsolePortOptions(name: "long enough")])
    try bench.send(.max, .deviceReady, 1)
    try bench.submit(2, [.readable([1, 2, 3])])
    try bench.submit(2, [.readable([1]), .writable(20)])
    try bench.submit(2, [.writable(7)])
    bench.work(2)
    #expect(try bench.control() == [[], [], []])
    #expect(bench.count(.malformedControlBuffer) == 2 && bench.count(.smallControlBuffer) == 1)
    try bench.offerControl(1)
    #expect(try bench.control() == [Self.message(0, .portAdd, 1)])
    try bench.send(0, .portReady, 1)
    // PORT_OPEN fits, the name does not.
    try bench.offerControl(2, size: 10)
    #expect(try bench.control() == [Self.message(0, .portOpen, 1), []])
    try bench.offerControl(1)
    #expect(try bench.control() == [Self.message(0, .portName, 1, Array("long enough".utf8))])
    // A driver's message that has room for an answer is no message.
    try bench.submit(3, [.readable([UInt8](repeating: 0, count: 8)), .writable(8)])
    bench.work(3)
    #expect(try bench.queues[3].collect().last?.length == 0)
    #expect(bench.count(.malformedControlBuffer) == 3)
    #expect(bench.failures == [])
  }

  @Test func `C29 a control buffer without a byte is found when the device comes to it`() throws {
    let bench = try ConsoleBench([ConsolePortOptions(name: "a")])
    let error = try #require(try bench.queues[2].commit(.emptyChain))
    // With nothing to tell, buffers are not looked at.
    bench.work(2)
    #expect(bench.failures == [] && !bench.device.needsReset)
    try bench.send(.max, .deviceReady, 1)
    #expect(bench.failures == [error] && bench.device.needsReset)
    bench.device.reset()
    try bench.start()
    try bench.open()
    #expect(bench.device.isOpen(0) && !bench.device.needsReset)
  }

  @Test func `C17 however much is to be told, at most one message of each kind waits`() throws {
    let source = try BufferedConsoleSource()
    let bench = try ConsoleBench([
      ConsolePortOptions(name: "x", isConsole: true, source: source), ConsolePortOptions(),
    ])
    // No room for messages at all, and a driver that goes on and on.
    try bench.send(.max, .deviceReady, 1)
    for round in 0..<500 as Range<UInt16> {
      _ = try bench.queues[3].collect()
      try bench.send(.max, .deviceReady, 1)
      try bench.send(0, .portReady, 1)
      bench.device.resize(port: 0, columns: round, rows: 7)
      bench.device.removePort(1)
      bench.device.addPort(1)
    }
    try bench.settle()
    try bench.offerControl(40)
    // The last size is in the configuration.
    #expect(bench.device.configuration(at: 0, count: 4) == littleEndian(UInt16(499)) + [7, 0])
    #expect(try bench.control() == [Self.message(0, .portAdd, 1), Self.message(1, .portAdd, 1)])
    try bench.send(0, .portReady, 1)
    _ = try bench.control()
    while try bench.queues[2].collect().count > 0 {}
    #expect(try bench.queues[2].usedIndex == 6)
    // Facts that change while there is no room are told once, as they are then.
    let full = try ConsoleBench([ConsolePortOptions(isConsole: true)])
    try full.offerControl(4)
    try full.send(.max, .deviceReady, 1)
    try full.send(0, .portReady, 1)
    #expect(try full.control().count == 4)
    for round in 0..<500 as Range<UInt16> { full.device.resize(port: 0, columns: round, rows: 9) }
    try full.offerControl(30)
    #expect(
      try full.control() == [Self.message(0, .resize, 0, littleEndian(UInt16(499)) + [9, 0])])
  }

  @Test func `C28 messages that are too short are not read, those too long only as far as needed`()
    throws
  {
    let bench = try ConsoleBench()
    try bench.offerControl(10)
    let ready = Self.message(.max, .deviceReady, 1)
    for count in 1..<8 { try bench.send(Array(ready.prefix(count))) }
    #expect(bench.count(.shortMessage) == 7)
    #expect(try bench.control() == [])
    try bench.send(ready + [UInt8](repeating: 0xff, count: 100_000))
    #expect(bench.count(.oversizedMessage) == 1)
    #expect(try bench.control() == [Self.message(0, .portAdd, 1)])
    // Split as the driver likes.
    try bench.submit(
      3, Self.message(0, .portReady, 1).map { .readable([$0]) })
    bench.work(3)
    try bench.settle()
    #expect(try bench.control().count == 4)
    // All came back, with nothing written.
    #expect(try bench.queues[3].collect().map(\.length) == [UInt32](repeating: 0, count: 9))
  }

  @Test
  func `C32 what a driver says of a port whose removal it has not heard of goes with the port`()
    throws
  {
    let bench = try ConsoleBench([ConsolePortOptions(), ConsolePortOptions(name: "p")])
    // Just enough room for the handshake.
    try bench.offerControl(5)
    try bench.send(.max, .deviceReady, 1)
    for port in [0, 1] as [UInt32] {
      try bench.send(port, .portReady, 1)
      try bench.send(port, .portOpen, 1)
    }
    #expect(try bench.control().count == 5)
    bench.device.removePort(1)
    bench.device.addPort(1)
    try bench.settle()
    try bench.send(1, .portReady, 1)
    try bench.send(1, .portOpen, 1)
    #expect(bench.device.isOpen(1))
    try bench.offerControl(10)
    #expect(
      try bench.control() == [Self.message(1, .portRemove, 1), Self.message(1, .portAdd, 1)])
    #expect(!bench.device.isOpen(1))
    try bench.send(1, .portReady, 1)
    #expect(try bench.control().count == 2)
  }

  @Test func `C32 a port can be removed and added, as often as one likes`() throws {
    let sink = BufferedConsoleSink()
    let bench = try ConsoleBench([ConsolePortOptions(), ConsolePortOptions(name: "p", sink: sink)])
    try bench.open()
    try bench.write([1], to: 1)
    #expect(sink.read() == [1])
    bench.device.removePort(1)
    bench.device.removePort(1)
    try bench.settle()
    #expect(try bench.control() == [Self.message(1, .portRemove, 1)])
    #expect(!bench.device.isOpen(1))
    try bench.write([2], to: 1)
    #expect(sink.read() == [])
    try bench.send(1, .portReady, 1)
    #expect(bench.count(.unexpectedMessage) == 1)

    bench.device.addPort(1)
    bench.device.addPort(1)
    try bench.settle()
    #expect(try bench.control() == [Self.message(1, .portAdd, 1)])
    try bench.send(1, .portReady, 1)
    try bench.send(1, .portOpen, 1)
    #expect(sink.read() == [2])
    _ = try bench.control()

    // Removed and added before the driver hears of it.
    bench.device.removePort(1)
    bench.device.addPort(1)
    try bench.settle()
    #expect(
      try bench.control() == [Self.message(1, .portRemove, 1), Self.message(1, .portAdd, 1)])
    #expect(!bench.device.isOpen(1))
    // A driver that comes anew sees only what is there.
    bench.device.removePort(1)
    bench.device.reset()
    try bench.start()
    try bench.offerControl(10)
    try bench.send(.max, .deviceReady, 1)
    #expect(try bench.control() == [Self.message(0, .portAdd, 1)])
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `C31 whatever the driver sends to the control queue, the device goes on`(seed: UInt64) throws
  {
    print("random control messages, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let sinks = (0..<3).map { _ in BufferedConsoleSink(capacity: 100) }
    let bench = try ConsoleBench(
      sinks.map { ConsolePortOptions(name: "port", isConsole: seed % 2 == 0, sink: $0) })
    var sent = 0
    for _ in 0..<3000 {
      var bytes = littleEndian(UInt32(generator.next() % 5))
      bytes += littleEndian(UInt16(generator.next() % 9))
      bytes += littleEndian(UInt16(generator.next() % 3))
      switch generator.next() % 8 {
      case 0: bytes = Array(bytes.prefix(Int(generator.next() % 9)))
      case 1: bytes += [UInt8](repeating: 1, count: Int(generator.next() % 40))
      case 2: bytes = (0..<8).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      default: break
      }
      if !bytes.isEmpty {
        try bench.send(bytes)
        sent += 1
      }
      let waiting = try bench.queues[2].availableIndex &- bench.queues[2].usedIndex
      if generator.next() % 4 == 0, waiting < 60 {
        try bench.offerControl(1, size: Int(generator.next() % 20) + 1)
      }
      if generator.next() % 16 == 0 { bench.device.removePort(Int(generator.next() % 3)) }
      if generator.next() % 8 == 0 { bench.device.addPort(Int(generator.next() % 3)) }
      _ = try bench.control()
      #expect(try bench.queues[3].collect().count == (bytes.isEmpty ? 0 : 1))
    }
    #expect(bench.failures == [] && bench.count(.controlReceived) == UInt64(sent))
    // It still does as it is told.
    bench.device.reset()
    for port in 0..<3 { bench.device.addPort(port) }
    try bench.start()
    try bench.open()
    for port in 0..<3 {
      _ = sinks[port].read()
      try bench.write([7], to: port)
      #expect(sinks[port].read() == [7])
    }
  }
}
