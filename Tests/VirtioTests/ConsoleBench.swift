import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import Virtio

/// A console device with a driver for each of its queues, driven without a transport.
final class ConsoleBench {
  typealias Event = ConsoleMessage.Event

  let device: ConsoleDevice
  let memory: GuestMemoryMap
  let features: VirtioFeatures
  private(set) var queues: [MockDriver] = []
  private var requests: [Int: [UInt16: MockDriver.Request]] = [:]
  /// Interrupts that were asked for, by queue.
  private(set) var interrupts: [Int: Int] = [:]
  private(set) var failures: [QueueError] = []

  init(
    _ ports: [ConsolePortOptions] = [ConsolePortOptions(name: "console", isConsole: true)],
    features: VirtioFeatures = [.version1, .consoleSize, .consoleMultiport], size: UInt16 = 64
  ) throws {
    device = try ConsoleDevice(ports)
    memory = try makeMemory(0x100_0000)
    self.features = features
    try start(size: size)
  }

  func start(size: UInt16 = 64) throws {
    requests = [:]
    queues = []
    try #require(device.acceptFeatures(features))
    for index in 0..<device.queueCount {
      let driver = try MockDriver(
        memory, size: size, base: 0x1000 + UInt64(index) * 0x8_0000, dataSize: 0x6_0000)
      queues.append(driver)
      device.startQueue(index, try driver.makeQueue(features))
    }
  }

  static func receiveQueue(_ port: Int) -> Int { port == 0 ? 0 : 2 + 2 * port }
  static func transmitQueue(_ port: Int) -> Int { receiveQueue(port) + 1 }

  /// Has a queue served until the device says that nothing is left.
  func work(_ queue: Int, _ cause: ServiceCause = .notification) {
    var cause = cause
    for _ in 0..<10_000 {
      let outcome = device.service(queue: queue, cause: cause)
      if outcome.interrupt { interrupts[queue, default: 0] += 1 }
      if let failure = outcome.failure { failures.append(failure) }
      guard outcome.more else { return }
      cause = .continuation
    }
    Issue.record("queue \(queue) never rests")
  }

  /// Whether a queue wants a turn of its own accord.
  func isAwake(_ queue: Int) throws -> Bool {
    let wake = try #require(device.wakeDescriptor(ofQueue: queue))
    return try Poll.wait(readable: wake, timeoutNanoseconds: 0)
  }

  /// Gives turns to all queues that want one, until none does.
  func settle() throws {
    for _ in 0..<10_000 {
      let awake = try queues.indices.filter { try isAwake($0) }
      if awake.isEmpty { return }
      for queue in awake { work(queue, .wake) }
    }
    Issue.record("the device never rests")
  }

  @discardableResult
  func submit(_ queue: Int, _ segments: [MockDriver.Segment]) throws -> MockDriver.Request {
    let request = try queues[queue].submit(segments)
    requests[queue, default: [:]][request.head] = request
    return request
  }

  /// The bytes of each answer on a queue.
  func answers(_ queue: Int) throws -> [[UInt8]] {
    try queues[queue].collect().map { used in
      let request = try #require(requests[queue]?[UInt16(used.head)])
      return Array(try queues[queue].output(request).prefix(Int(used.length)))
    }
  }

  // MARK: Control

  func send(_ bytes: [UInt8]) throws {
    try submit(3, [.readable(bytes)])
    work(3)
    try settle()
  }

  func send(_ port: UInt32, _ event: Event, _ value: UInt16) throws {
    try send(ConsoleMessage(port: port, event, value: value).bytes)
  }

  /// Offers control buffers and takes what came.
  func offerControl(_ count: Int, size: Int = 300) throws {
    for _ in 0..<count { try submit(2, [.writable(size)]) }
    work(2)
    try settle()
  }

  func control() throws -> [[UInt8]] { try answers(2) }

  /// A message as it should come.
  static func message(_ port: UInt32, _ event: Event, _ value: UInt16, _ rest: [UInt8] = [])
    -> [UInt8]
  {
    littleEndian(port) + littleEndian(event.rawValue) + littleEndian(value) + rest
  }

  /// The whole handshake, with the guest opening every port; the messages that it brought.
  @discardableResult
  func open() throws -> [[UInt8]] {
    try offerControl(40)
    try send(.max, .deviceReady, 1)
    var all = try control()
    for port in 0..<device.portCount {
      try send(UInt32(port), .portReady, 1)
      try send(UInt32(port), .portOpen, 1)
    }
    all += try control()
    return all
  }

  // MARK: Data

  @discardableResult
  func write(_ bytes: [UInt8], to port: Int = 0) throws -> MockDriver.Request {
    let request = try submit(Self.transmitQueue(port), [.readable(bytes)])
    work(Self.transmitQueue(port))
    return request
  }

  func offerInput(_ count: Int, size: Int, to port: Int = 0) throws {
    for _ in 0..<count { try submit(Self.receiveQueue(port), [.writable(size)]) }
    work(Self.receiveQueue(port))
  }

  func input(_ port: Int = 0) throws -> [[UInt8]] { try answers(Self.receiveQueue(port)) }

  func count(_ event: ConsoleEvent) -> UInt64 { device.counts[event] }

  func count(_ event: ConsolePortEvent, _ port: Int = 0) -> UInt64 {
    device.counts(ofPort: port)[event]
  }
}
