import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

// What a console device does, in the order of virtio 1.2, 5.3, then of what devices get wrong:
//
// C1  device number 3; features SIZE, MULTIPORT and EMERG_WRITE
// C2  columns, rows and number of ports in the configuration space
// C3  the emergency write sends one byte, even before the driver is ready
// C4  two queues for each port and two for control, numbered as specified
// C5  control messages of eight bytes; only those that go to a device are heard
// C6  RESIZE carries columns, then rows
// C7  PORT_NAME carries UTF-8 without NUL
// C8  DEVICE_READY is answered by PORT_ADD for each port
// C9  PORT_READY is answered by CONSOLE_PORT, PORT_OPEN, RESIZE and PORT_NAME
// C10 the guest's PORT_OPEN starts the data
// C11 the guest's closing stops it
// C12 the value zero of a READY is a failure
// C13 port numbers that do not exist do no harm
// C14 a second PORT_OPEN does no harm
// C15 control messages go across the descriptors of a buffer
// C16 a chain that cannot be used is not lost
// C17 messages that wait for the driver are bounded
// C18 output of any length goes out whole
// C19 output that the host does not take is kept in the guest, not in the host
// C20 nobody is signalled for nothing
// C21 output counts as done only when it was taken
// C22 transmitted chains come back with length zero
// C23 received chains come back with the number of bytes written
// C24 receive buffers come back only with bytes
// C25 input that comes before there are buffers is kept and given when they come
// C26 the bound of kept input is explicit, and its writer can wait for room
// C27 a resize changes the configuration, its generation, and is told twice
// C28 control messages too short or too long do no harm
// C29 broken rings make the device need a reset, and it works again after
// C30 the device works over virtio-mmio, with descriptors for host sides
// C31 whatever the driver sends to the control queue, the device goes on
// C32 ports can be removed and added
// C33 a driver without MULTIPORT has port 0, open from the start
// C34 a host side that goes away is told, and another one can come

@Suite struct ConsoleControlTests {
  typealias Event = ConsoleMessage.Event
  private static func message(_ port: UInt32, _ event: Event, _ value: UInt16, _ rest: [UInt8] = [])
    -> [UInt8]
  {
    ConsoleBench.message(port, event, value, rest)
  }

  @Test func `C1 the device has number 3 and the features of the specification`() throws {
    let device = try ConsoleDevice([ConsolePortOptions()])
    #expect(device.deviceType == 3)
    #expect(device.offeredFeatures.rawValue & 0xff_ffff == 0b111)
    #expect(device.offeredFeatures.contains(.version1))
    #expect(!device.acceptFeatures([.version1, VirtioFeatures(rawValue: 8)]))
    #expect(device.acceptFeatures([.version1, .consoleMultiport]))
  }

  @Test func `C2 columns, rows and the number of ports stand in the configuration space`() throws {
    let device = try ConsoleDevice([
      ConsolePortOptions(columns: 0x1234, rows: 0x5678), ConsolePortOptions(), ConsolePortOptions(),
    ])
    #expect(
      device.configuration(at: 0, count: 12) == [0x34, 0x12, 0x78, 0x56, 3, 0, 0, 0, 0, 0, 0, 0])
    #expect(device.configuration(at: 3, count: 2) == [0x56, 3])
    #expect(device.configuration(at: 100, count: 3) == [0, 0, 0])
    #expect(device.configuration(at: .max, count: 2) == [0, 0])
    #expect(device.configuration(at: -1, count: 2) == [0, 0x34])
    #expect(device.configuration(at: 0, count: 0) == [])
  }

  @Test func `C3 an emergency write sends one byte, even before the driver is ready`() throws {
    let sink = BufferedConsoleSink(capacity: 3)
    let device = try ConsoleDevice([ConsolePortOptions(sink: sink)])
    #expect(device.writeConfiguration(littleEndian(UInt32(0x5858_5841)), at: 8))
    #expect(device.writeConfiguration([0x42], at: 8))
    #expect(sink.read() == [0x41, 0x42])
    for offset in [0, 4, 7, 9, 12, -1, .max] {
      #expect(!device.writeConfiguration([0x43, 0, 0, 0], at: offset))
    }
    #expect(!device.writeConfiguration([], at: 8))
    #expect(!device.writeConfiguration([0x43, 0, 0, 0, 0, 0, 0, 0], at: 8))
    #expect(sink.read() == [])
    // What cannot be taken is counted, not kept.
    for _ in 0..<5 { _ = device.writeConfiguration([0x44], at: 8) }
    #expect(sink.read() == [0x44, 0x44, 0x44])
    #expect(device.counts(ofPort: 0)[.emergencyByte] == 5)
    #expect(device.counts(ofPort: 0)[.emergencyRefused] == 2)
    let mute = try ConsoleDevice([ConsolePortOptions()])
    #expect(!mute.writeConfiguration([1], at: 8))
  }

  @Test func `C4 port 0 has queues 0 and 1, control 2 and 3, port 1 has 4 and 5`() throws {
    let sinks = (0..<3).map { _ in BufferedConsoleSink() }
    let bench = try ConsoleBench(sinks.map { ConsolePortOptions(sink: $0) })
    #expect(bench.device.queueCount == 8)
    try bench.open()
    for (port, queue) in [(0, 1), (1, 5), (2, 7)] {
      try bench.submit(queue, [.readable([UInt8(port), 9])])
      bench.work(queue)
      #expect(sinks[port].read() == [UInt8(port), 9])
    }
    #expect(try ConsoleDevice([ConsolePortOptions()]).queueCount == 4)
    let outside = bench.device.service(queue: 8, cause: .notification)
    #expect(!outside.interrupt && !outside.more && bench.device.wakeDescriptor(ofQueue: 8) == nil)
  }

  @Test func `C5 messages have eight bytes, and those that only a device sends are not heard`()
    throws
  {
    let message = ConsoleMessage(port: 0x0403_0201, .portReady, value: 0x0605)
    #expect(message.bytes == [1, 2, 3, 4, 3, 0, 5, 6])
    #expect(ConsoleMessage(message.bytes) == message)
    #expect(ConsoleMessage([1, 2, 3, 4, 3, 0, 5]) == nil)

    let bench = try ConsoleBench()
    try bench.open()
    for event in [1, 2, 4, 5, 7, 8, 100, 0xffff] as [UInt16] {
      try bench.send(littleEndian(UInt32(0)) + littleEndian(event) + littleEndian(UInt16(1)))
    }
    #expect(bench.count(.unknownEvent) == 8)
    #expect(try bench.control() == [])
    #expect(bench.device.isOpen(0))
  }

  @Test func `C8 a driver that is ready is told of every port, once`() throws {
    let bench = try ConsoleBench((0..<3).map { _ in ConsolePortOptions() })
    try bench.offerControl(10)
    #expect(try bench.control() == [])
    try bench.send(.max, .deviceReady, 1)
    #expect(try bench.control() == (0..<3).map { Self.message($0, .portAdd, 1) })
    try bench.send(0, .deviceReady, 1)
    #expect(try bench.control() == [])
    #expect(bench.count(.repeatedMessage) == 1)
    #expect(bench.count(.controlSent) == 3 && bench.count(.controlReceived) == 2)
  }

  @Test func `C6 C7 C9 a port that is ready is told kind, state, size and name, in this order`()
    throws
  {
    let bench = try ConsoleBench([
      ConsolePortOptions(name: "tty-é", isConsole: true, columns: 0x0102, rows: 0x0304),
      ConsolePortOptions(name: "data"), ConsolePortOptions(),
    ])
    try bench.offerControl(20)
    try bench.send(.max, .deviceReady, 1)
    _ = try bench.control()
    try bench.send(0, .portReady, 1)
    #expect(
      try bench.control() == [
        Self.message(0, .consolePort, 1), Self.message(0, .portOpen, 1),
        // Columns first, whatever old drivers took them for.
        Self.message(0, .resize, 0, [0x02, 0x01, 0x04, 0x03]),
        Self.message(0, .portName, 1, [0x74, 0x74, 0x79, 0x2d, 0xc3, 0xa9]),
      ])
    try bench.send(1, .portReady, 1)
    #expect(
      try bench.control() == [
        Self.message(1, .portOpen, 1), Self.message(1, .portName, 1, Array("data".utf8)),
      ])
    try bench.send(2, .portReady, 1)
    #expect(try bench.control() == [Self.message(2, .portOpen, 1)])
    try bench.send(2, .portReady, 1)
    #expect(try bench.control() == [])
    #expect(bench.count(.repeatedMessage) == 1)
  }

  @Test func `C15 a message goes across the descriptors of its buffer`() throws {
    let bench = try ConsoleBench([ConsolePortOptions(name: "a name of some length")])
    try bench.send(.max, .deviceReady, 1)
    for sizes in [[1, 2, 3, 4], [8], [3, 300]] {
      try bench.submit(2, sizes.map { .writable($0) })
    }
    bench.work(2)
    #expect(try bench.control() == [Self.message(0, .portAdd, 1)])
    try bench.send(0, .portReady, 1)
    #expect(
      try bench.control() == [
        Self.message(0, .portOpen, 1),
        Self.message(0, .portName, 1, Array("a name of some length".utf8)),
      ])
  }

  private final class Observer: ConfigurationObserver {
    let count = Atomic<Int>(0)

    func configurationChanged() {
      count.wrappingAdd(1, ordering: .relaxed)
    }
  }

  @Test func `C27 a resize changes the configuration and its generation, and is told both ways`()
    throws
  {
    let bench = try ConsoleBench([
      ConsolePortOptions(isConsole: true), ConsolePortOptions(isConsole: true),
      ConsolePortOptions(),
    ])
    let observer = Observer()
    bench.device.observeConfiguration(observer)
    try bench.open()
    let generation = bench.device.configurationGeneration
    bench.device.resize(port: 0, columns: 132, rows: 50)
    #expect(bench.device.configuration(at: 0, count: 4) == [132, 0, 50, 0])
    #expect(bench.device.configurationGeneration == generation + 1)
    #expect(observer.count.load(ordering: .relaxed) == 1)
    try bench.settle()
    #expect(try bench.control() == [Self.message(0, .resize, 0, [132, 0, 50, 0])])
    // The same size again is no change.
    bench.device.resize(port: 0, columns: 132, rows: 50)
    // Another console's size does not stand in the configuration, a plain port's is nobody's.
    bench.device.resize(port: 1, columns: 1, rows: 2)
    bench.device.resize(port: 2, columns: 3, rows: 4)
    try bench.settle()
    #expect(try bench.control() == [Self.message(1, .resize, 0, [1, 0, 2, 0])])
    #expect(observer.count.load(ordering: .relaxed) == 1)
    #expect(bench.device.configurationGeneration == generation + 1)
    bench.device.reset()
    #expect(bench.device.configurationGeneration == generation + 1)
  }
}
