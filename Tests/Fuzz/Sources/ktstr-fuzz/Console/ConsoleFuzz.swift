import DriverMock
import GuestMemory
import HostOS
import Virtio

extension FuzzTarget {
  /// A console with several ports, control messages of every kind, and bytes that must arrive in
  /// order and once.
  static let console = FuzzTarget("console") { input in
    let fuzz = try ConsoleFuzz(&input)
    return try fuzz.run(&input)
  }
}

/// One console's life, as the input tells it.
final class ConsoleFuzz {
  private typealias Event = ConsoleMessage.Event

  private struct Stream {
    /// What the guest has written to a port, in order.
    var written: [UInt8] = []
    /// How many of the source's bytes the guest has read.
    var read = 0
    /// The host side, or somebody who takes its place, does not tell the truth.
    var isUntold = false
  }

  nonisolated(unsafe) private static var memory: GuestMemoryMap?

  private let device: ConsoleDevice
  private let memory: GuestMemoryMap
  private let features: VirtioFeatures
  private let size: UInt16
  private let endpoints: [FuzzEndpoint]
  private var streams: [Stream]
  private var drivers: [MockDriver] = []
  private var requests: [Int: [UInt16: MockDriver.Request]] = [:]
  private var isHostile = false
  private var operations = 0

  init(_ input: inout FuzzInput) throws {
    let ports = 1 + input.below(3)
    endpoints = (0..<ports).map { _ in FuzzEndpoint() }
    streams = Array(repeating: Stream(), count: ports)
    device = try ConsoleDevice(
      endpoints.enumerated().map { index, endpoint in
        ConsolePortOptions(
          name: index == 1 ? "" : "port\(index)", isConsole: index == 0, sink: endpoint,
          source: endpoint)
      })
    memory = try Self.memory ?? makeMemory(8 * 0x8000 + 0x1000)
    Self.memory = memory
    size = UInt16(2) << UInt16(input.below(5))
    var features: VirtioFeatures = [.version1, .consoleSize, .indirectDescriptors]
    if input.flag() { features.insert(.eventIndex) }
    if !input.rarely() { features.insert(.consoleMultiport) }
    self.features = features
    try start()
  }

  private func start() throws {
    check(device.acceptFeatures(features), "its own features")
    requests = [:]
    isHostile = false
    drivers = []
    for index in 0..<device.queueCount {
      let driver = try MockDriver(
        memory, size: size, base: 0x1000 + 0x8000 * UInt64(index), dataSize: 0x4000)
      drivers.append(driver)
      device.startQueue(index, try driver.makeQueue(features))
    }
    // What was under way is lost with the reset, which the driver knows.
    for port in streams.indices {
      streams[port].written = endpoints[port].taken
      streams[port].read = endpoints[port].given
    }
  }

  func run(_ input: inout FuzzInput) throws -> Int {
    while !input.isEmpty {
      operations += 1
      switch input.byte() % 20 {
      case 0: try open(&input)
      case 1, 2, 3: try sendControl(&input)
      case 4: try submit(2, [.writable(input.pick([8, 12, 300, input.below(20)]))])
      case 5, 6, 7: try write(&input)
      case 8, 9: try offer(&input)
      case 10, 11: allow(&input)
      case 12: serve(input.below(drivers.count + 1), input.pick([.notification, .continuation]))
      case 13, 14, 15: try settle()
      case 16: fromHost(&input)
      case 17: try spoil(&input)
      case 18: configuration(&input)
      default: if input.byte() % 4 == 0 { try reset() }
      }
      try collect()
    }
    try settle()
    try collect()
    return operations
  }

  // MARK: The driver

  private func submit(_ queue: Int, _ segments: [MockDriver.Segment]) throws {
    guard drivers.indices.contains(queue) else { return }
    let waiting = requests[queue, default: [:]].values
    // Neither descriptors nor buffers of a request are used again before its answer.
    let used = waiting.reduce(0) { $0 + $1.descriptors.count }
    guard used + segments.count <= Int(size), waiting.count < 24 else { return }
    guard let request = try? drivers[queue].submit(segments) else { return }
    requests[queue, default: [:]][request.head] = request
  }

  private func open(_ input: inout FuzzInput) throws {
    try sendMessage(0, .deviceReady, 1)
    for port in endpoints.indices {
      for _ in 0..<3 { try submit(2, [.writable(64)]) }
      try settle()
      try collect()
      try sendMessage(UInt32(port), .portReady, 1)
      try sendMessage(UInt32(port), .portOpen, 1)
    }
  }

  private func sendMessage(_ port: UInt32, _ event: ConsoleMessage.Event, _ value: UInt16) throws {
    try submit(3, [.readable(ConsoleMessage(port: port, event, value: value).bytes)])
    serve(3, .notification)
    try collect()
  }

  private func sendControl(_ input: inout FuzzInput) throws {
    var bytes =
      littleEndian(input.rarely() ? input.uint32() : UInt32(input.below(4)))
      + littleEndian(
        input.rarely() ? input.uint16() : input.pick([0, 3, 6, UInt16(input.below(9))]))
      + littleEndian(input.rarely() ? input.uint16() : UInt16(input.byte() & 1))
    if input.rarely() { bytes = input.data(input.below(20)) }
    guard !bytes.isEmpty else { return try offerNothing() }
    let cut = input.below(bytes.count + 1)
    try submit(3, [.readable(Array(bytes[..<cut])), .readable(Array(bytes[cut...]))])
    if input.flag() { serve(3, .notification) }
  }

  /// A message without a byte, which breaks the rules.
  private func offerNothing() throws {
    isHostile = true
    // Without a free descriptor it is not offered.
    _ = try? drivers[3].commit(.emptyChain)
    serve(3, .notification)
  }

  private func write(_ input: inout FuzzInput) throws {
    let port = input.below(endpoints.count)
    let queue = ConsoleDevice.receiveQueue(ofPort: port) + 1
    let count = 1 + input.below(200)
    let start = streams[port].written.count
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: (start + $0) &* 5) }
    let before = requests[queue]?.count ?? 0
    let cut = input.below(count)
    try submit(
      queue,
      input.rarely()
        ? [.writable(10)] : [.readable(Array(bytes[..<cut])), .readable(Array(bytes[cut...]))])
    guard requests[queue]?.count ?? 0 > before else { return }
    if requests[queue]?.values.contains(where: { !$0.writable.isEmpty }) != true {
      streams[port].written += bytes
    } else {
      streams[port].isUntold = true
    }
    if input.flag() { serve(queue, .notification) }
  }

  private func offer(_ input: inout FuzzInput) throws {
    let port = input.below(endpoints.count)
    let queue = ConsoleDevice.receiveQueue(ofPort: port)
    try submit(queue, [.writable(1 + input.below(100)), .writable(input.below(100))])
    if input.flag() { serve(queue, .notification) }
  }

  private func spoil(_ input: inout FuzzInput) throws {
    guard input.byte() % 4 == 0 else { return }
    isHostile = true
    let driver = input.pick(drivers)
    switch input.below(3) {
    case 0: try driver.setAvailableIndex(driver.availableIndex &+ input.uint16())
    case 1: try driver.offer(UInt16(input.byte()))
    default:
      try driver.setDescriptor(
        UInt16(input.below(Int(size))), input.hostileUInt64(), input.uint32(), input.uint16(), 0)
    }
  }

  // MARK: The device

  private func serve(_ queue: Int, _ first: ServiceCause) {
    var cause = first
    var turns = 0
    while true {
      let outcome = device.service(queue: queue, cause: cause)
      check(outcome.failure == nil || device.needsReset, "a failure without the need of a reset")
      check(outcome.failure == nil || isHostile, "\(String(describing: outcome.failure))")
      guard outcome.more else { return }
      cause = .continuation
      turns += 1
      check(turns < 10_000, "queue \(queue) does not come to rest")
    }
  }

  /// Gives every queue that wants one a turn, until none does.
  private func settle() throws {
    for queue in drivers.indices { serve(queue, .notification) }
    var rounds = 0
    while true {
      let awake = try drivers.indices.filter { queue in
        guard let wake = device.wakeDescriptor(ofQueue: queue) else { return false }
        return try Poll.wait(readable: wake, timeoutNanoseconds: 0)
      }
      guard !awake.isEmpty else { return }
      for queue in awake { serve(queue, .wake) }
      rounds += 1
      check(rounds < 1000, "the device does not come to rest")
    }
  }

  private func reset() throws {
    device.reset()
    check(!device.needsReset, "a reset")
    try start()
  }

  // MARK: The host

  private func allow(_ input: inout FuzzInput) {
    let port = input.below(endpoints.count)
    endpoints[port].allow(out: input.below(300), in: input.below(300))
    if input.rarely() {
      endpoints[port].beginToLie()
      streams[port].isUntold = true
    }
  }

  private func fromHost(_ input: inout FuzzInput) {
    let port = input.below(endpoints.count)
    switch input.below(5) {
    case 0: device.resize(port: port, columns: input.uint16(), rows: input.uint16())
    case 1: device.removePort(port)
    case 2: device.addPort(port)
    case 3: device.connect(port: port, sink: endpoints[port], source: endpoints[port])
    default:
      guard input.rarely() else { return }
      // Nobody takes the output any more: it is counted and lost.
      device.connect(port: port, sink: nil, source: endpoints[port])
      streams[port].isUntold = true
    }
  }

  private func configuration(_ input: inout FuzzInput) {
    let offset = input.pick([0, 8, Int(input.byte()), Int.max, Int.max - 2])
    _ = device.configuration(at: offset, count: input.below(20))
    _ = device.writeConfiguration(input.data(input.below(9)), at: offset)
  }

  // MARK: Answers

  private func collect() throws {
    for queue in drivers.indices {
      for answer in try drivers[queue].collect() {
        if isHostile { continue }
        guard let head = UInt16(exactly: answer.head),
          let request = requests[queue]?.removeValue(forKey: head)
        else { fail("queue \(queue) answers \(answer.head), which was not asked") }
        let room = request.writable.reduce(0) { $0 + $1.count }
        check(Int(answer.length) <= room, "\(answer.length) bytes in \(room)")
        let bytes = Array(try drivers[queue].output(request).prefix(Int(answer.length)))
        look(at: bytes, from: queue)
      }
    }
    guard !isHostile else { return }
    for port in streams.indices where !streams[port].isUntold {
      let taken = endpoints[port].taken
      check(
        streams[port].written.starts(with: taken), "port \(port) lost or changed bytes of the guest"
      )
    }
  }

  private func look(at bytes: [UInt8], from queue: Int) {
    switch queue {
    case 2:
      guard !bytes.isEmpty else { return }
      guard let message = ConsoleMessage(bytes) else { fail("half a message to the driver") }
      check(message.port < UInt32(endpoints.count), "a message about port \(message.port)")
      check([1, 2, 4, 5, 6, 7].contains(message.event), "message \(message.event) to the driver")
    case let other where other % 2 == 0:
      let port = other == 0 ? 0 : other / 2 - 1
      guard !streams[port].isUntold else { return }
      for byte in bytes {
        check(byte == FuzzEndpoint.byte(streams[port].read), "a byte of port \(port)'s input")
        streams[port].read += 1
      }
    default:
      check(bytes.isEmpty, "an answer with bytes to what the guest wrote")
    }
  }
}
