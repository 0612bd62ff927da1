import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import Virtio

// The table of what C1, C2 and so on stand for is in ConsoleControlTests.swift.

@Suite struct ConsoleHostSideTests {
  /// A source or sink that does not keep to its contract.
  private final class Liar: ConsoleSource, ConsoleSink {
    let answer: ConsoleTransfer

    init(_ answer: ConsoleTransfer) { self.answer = answer }

    func fill(_ buffers: inout WritableBuffers, wake: QueueWake) -> ConsoleTransfer { answer }
    func take(
      _ buffers: inout ReadableBuffers, from offset: Int, wake: QueueWake
    ) -> ConsoleTransfer { answer }
    func takeEmergency(_ byte: UInt8) -> Bool { false }
  }

  @Test func `C16 a host side that claims to have moved what it cannot does no harm`() throws {
    for claim in [-5, 0, 1000, Int.max] {
      let liar = Liar(.moved(claim))
      let bench = try ConsoleBench([ConsolePortOptions(sink: liar, source: liar)])
      try bench.open()
      try bench.offerInput(1, size: 10)
      try bench.write([UInt8](repeating: 1, count: 10))
      #expect(try bench.queues[0].collect().map(\.length) == (claim > 0 ? [10] : []))
      #expect(try bench.queues[1].collect().map(\.length) == (claim > 0 ? [0] : []))
    }
  }

  @Test func `C29 broken rings make the device need a reset, once, and it works again after`()
    throws
  {
    let sink = BufferedConsoleSink()
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink)])
    try bench.open()
    try bench.queues[1].offer(999)
    bench.work(1)
    #expect(bench.failures == [.headOutOfRange(999)])
    #expect(bench.device.needsReset && bench.count(.queueError) == 1)
    bench.work(1)
    try bench.queues[3].setAvailableIndex(30_000)
    bench.work(3)
    #expect(bench.failures.count == 1)
    bench.device.reset()
    #expect(!bench.device.needsReset && !bench.device.isOpen(0))
    try bench.start()
    try bench.open()
    try bench.write([3])
    #expect(sink.read() == [3])
  }

  @Test func `C34 a host side that goes away is told, its output is counted, another one can come`()
    throws
  {
    let sink = BufferedConsoleSink(capacity: 4)
    let bench = try ConsoleBench([ConsolePortOptions(sink: sink)])
    try bench.open()
    try bench.write([1, 2, 3, 4, 5, 6])
    #expect(try bench.queues[1].collect() == [])
    sink.close()
    try bench.settle()
    #expect(try bench.queues[1].collect().map(\.length) == [0])
    #expect(try bench.control() == [ConsoleBench.message(0, .portOpen, 0)])
    #expect(bench.count(.bytesDiscarded) == 2 && bench.count(.hostClosed) == 1)
    try bench.write([7])
    #expect(bench.count(.bytesDiscarded) == 3 && bench.count(.hostClosed) == 1)
    #expect(try bench.control() == [])
    #expect(sink.read() == [1, 2, 3, 4])

    let other = BufferedConsoleSink()
    bench.device.connect(port: 0, sink: other, source: nil)
    try bench.settle()
    #expect(try bench.control() == [ConsoleBench.message(0, .portOpen, 1)])
    try bench.write([8])
    #expect(other.read() == [8])

    // The end of the input closes a port only when nothing can go out either.
    for hasSink in [true, false] {
      let source = try BufferedConsoleSource()
      bench.device.connect(port: 0, sink: hasSink ? other : nil, source: source)
      try bench.offerInput(2, size: 8)
      #expect(source.write([1]) == 1)
      source.close()
      #expect(source.write([2]) == 0)
      try bench.settle()
      #expect(try bench.input() == [[1]])
      #expect(
        try bench.control() == (hasSink ? [] : [ConsoleBench.message(0, .portOpen, 0)]))
    }
  }

  /// What one end of a pair of sockets sends and gets, without waiting (`MSG_DONTWAIT`).
  private struct Socket: ~Copyable {
    let descriptor: OwnedDescriptor

    func write(_ bytes: [UInt8]) -> Int { send(descriptor.raw, bytes, bytes.count, 0x4040) }

    func read(_ limit: Int = 1 << 16) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: limit)
      let count = recv(descriptor.raw, &bytes, limit, 0x40)
      return Array(bytes.prefix(max(0, count)))
    }
  }

  private func socketPorts() throws -> (ConsolePortOptions, OwnedBox) {
    var pair = try UnixSocket.pair()
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else {
      throw CancellationError()
    }
    let sink = try DescriptorSink(try theirs.duplicate())
    let source = try DescriptorSource(theirs)
    return (ConsolePortOptions(name: "socket", sink: sink, source: source), OwnedBox(ours))
  }

  /// A descriptor that can stand in a tuple.
  private final class OwnedBox {
    let socket: Socket

    init(_ descriptor: consuming OwnedDescriptor) {
      socket = Socket(descriptor: descriptor)
    }
  }

  @Test func `C30 a socket as host side waits for its peer in both directions`() throws {
    let (options, peer) = try socketPorts()
    let bench = try ConsoleBench([options])
    try bench.open()
    #expect(peer.socket.write([1, 2, 3]) == 3)
    // Without buffers nobody is woken for it.
    #expect(try !bench.isAwake(0))
    try bench.offerInput(2, size: 2)
    #expect(try bench.input() == [[1, 2], [3]])
    try bench.offerInput(2, size: 100)
    #expect(try !bench.isAwake(0))
    #expect(peer.socket.write([4]) == 1)
    #expect(try bench.isAwake(0))
    try bench.settle()
    #expect(try bench.input() == [[4]])

    let bytes = pattern(300_000)
    var sent = 0
    var got: [UInt8] = []
    for _ in 0..<10_000 where got.count < bytes.count {
      if sent < bytes.count {
        let count = min(50_000, bytes.count - sent)
        try bench.write(Array(bytes[sent..<sent + count]))
        sent += count
        _ = try bench.queues[1].collect()
      }
      if sent == bytes.count || sent % 100_000 == 0 { got += peer.socket.read(1 << 14) }
      try bench.settle()
    }
    #expect(got == bytes)
    #expect(bench.count(.outputBlocked) > 0 && bench.count(.bytesOut) == 300_000)
  }

  @Test func `C30 a console over virtio-mmio works as Linux drives it, with a thread of its own`()
    throws
  {
    let (options, peer) = try socketPorts()
    let log = BufferedConsoleSink()
    let device = try ConsoleDevice([
      ConsolePortOptions(name: "hvc", isConsole: true, sink: log), options,
    ])
    let bench = try MMIOBench(device, memory: try makeMemory(0x100_0000))
    var worker = try DeviceWorker(bench.transport, name: "console")
    // An early message, before anything is set up.
    bench.driver.writeConfiguration(0x21, at: 8, count: 4)
    #expect(log.read() == [0x21])
    #expect(try bench.driver.negotiate().contains(.consoleMultiport))
    #expect(bench.driver.configuration(at: 4, count: 4) == 2)
    for index in 0..<6 { try bench.driver.setUpQueue(index, size: 32) }
    let queues = try (0..<6).map { try #require(bench.driver.queues[$0]) }
    bench.driver.addStatus(.driverReady)
    for _ in 0..<12 { try queues[2].submit([.writable(64)]) }
    var requests: [UInt16: MockDriver.Request] = [:]
    for _ in 0..<8 {
      let request = try queues[4].submit([.writable(16)])
      requests[request.head] = request
    }
    bench.driver.notify(2)
    bench.driver.notify(4)
    func send(_ port: UInt32, _ event: ConsoleMessage.Event) throws {
      try queues[3].submit([.readable(ConsoleBench.message(port, event, 1))])
      bench.driver.notify(3)
    }
    try send(.max, .deviceReady)
    #expect(eventually { (try? queues[2].usedIndex) == 2 })
    for port in [0, 1] as [UInt32] { try send(port, .portReady) }
    #expect(eventually { (try? queues[2].usedIndex) == 2 + 4 + 2 })
    for port in [0, 1] as [UInt32] { try send(port, .portOpen) }
    try queues[1].submit([.readable(Array("boot\n".utf8))])
    bench.driver.notify(1)
    #expect(eventually { log.waitingCount == 5 })
    #expect(log.read() == Array("boot\n".utf8))

    #expect(eventually { device.isOpen(1) })
    #expect(peer.socket.write(Array("hello".utf8)) == 5)
    #expect(eventually { (try? queues[4].usedIndex) == 1 })
    let used = try queues[4].collect()
    let request = try #require(requests[UInt16(used[0].head)])
    #expect(used[0].length == 5)
    #expect(try queues[4].output(request).prefix(5) == Array("hello".utf8)[...])
    try queues[5].submit([.readable(Array("world".utf8))])
    bench.driver.notify(5)
    var answer: [UInt8] = []
    #expect(
      eventually {
        answer += peer.socket.read()
        return answer.count >= 5
      })
    #expect(answer == Array("world".utf8))

    // A resize comes as an interrupt and as a message.
    _ = bench.driver.takeInterrupts()
    let generation = bench.driver.read(.configurationGeneration)
    device.resize(port: 0, columns: 100, rows: 40)
    #expect(eventually { (try? queues[2].usedIndex) == 9 })
    #expect(bench.driver.takeInterrupts() & 2 == 2)
    #expect(bench.driver.read(.configurationGeneration) == generation + 1)
    #expect(bench.driver.configuration(at: 0, count: 4) == 100 | 40 << 16)

    // A reset and a second life.
    bench.driver.reset()
    #expect(!device.isOpen(1))
    try bench.driver.bringUp([.version1], size: 16)
    try #require(bench.driver.queues[1]).submit([.readable([1, 2])])
    bench.driver.notify(1)
    #expect(eventually { log.waitingCount == 2 })
    let isStopped = worker.stop(until: soon)
    #expect(isStopped)
  }
}
