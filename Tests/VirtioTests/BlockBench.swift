import DriverMock
import Glibc
import GuestMemory
import HostOS
import Testing
import Virtio

/// A block device with one queue, a driver for it, and access to what is on the disk.
final class BlockBench {
  static let read: UInt32 = 0
  static let write: UInt32 = 1
  static let flush: UInt32 = 4
  static let getID: UInt32 = 8
  static let discard: UInt32 = 11
  static let writeZeroes: UInt32 = 13

  let device: BlockDevice
  let driver: MockDriver
  let features: VirtioFeatures

  init(
    engine: BlockEngineChoice = .synchronous, sectors: Int = 256, size: UInt16 = 16,
    readOnly: Bool = false, faults: FaultPlan? = nil,
    features: VirtioFeatures? = nil, memory: GuestMemoryMap? = nil, firstIndex: UInt16 = 0,
    backing: BlockBacking? = nil, options: BlockOptions = BlockOptions()
  ) throws {
    let disk =
      try backing
      ?? BlockBacking(memory: UInt64(sectors) * 512, readOnly: readOnly, faults: faults)
    var options = options
    options.engine = engine
    device = BlockDevice(backing: disk, options: options)
    self.features = features ?? device.offeredFeatures
    driver = try MockDriver(try memory ?? makeMemory(), size: size, firstIndex: firstIndex)
    try start()
  }

  func start() throws {
    try #require(device.acceptFeatures(features))
    device.startQueue(0, try driver.makeQueue(features))
  }

  static func header(_ type: UInt32, _ sector: UInt64 = 0) -> [UInt8] {
    littleEndian(type) + littleEndian(UInt32(0xffff_fff0)) + littleEndian(sector)
  }

  /// Submits a request, lets the device work, and returns status, length and data.
  func perform(_ segments: [MockDriver.Segment], indirect: Bool = false) throws -> Answer {
    let request =
      try indirect ? driver.placeIndirect(segments) : driver.place(segments)
    try driver.offer(request.head)
    let outcome = work()
    let used = try driver.collect()
    guard outcome.failure == nil else { return Answer(failure: outcome.failure, used: used) }
    try #require(used.count == 1)
    #expect(used[0].head == UInt32(request.head))
    let output = try driver.output(request)
    return Answer(
      status: output.last, length: used[0].length, data: Array(output.dropLast()), used: used)
  }

  struct Answer {
    var status: UInt8?
    var length: UInt32?
    var data: [UInt8] = []
    var failure: QueueError?
    var used: [MockDriver.Used]
  }

  /// Serves until nothing is left and nothing is under way.
  @discardableResult
  func work(_ cause: ServiceCause = .notification) -> ServiceOutcome {
    var total = turns(cause)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    while device.inFlightCount(ofQueue: 0) > 0 {
      guard MonotonicTime.now() < deadline, waitForWake() else {
        Issue.record("a request is under way for 10 s")
        return total
      }
      let more = turns(.wake)
      total.interrupt = total.interrupt || more.interrupt
      total.failure = total.failure ?? more.failure
    }
    return total
  }

  /// Serves until the device says that nothing is left to do now.
  func turns(_ cause: ServiceCause) -> ServiceOutcome {
    var total = ServiceOutcome()
    var turns = 0
    repeat {
      let outcome = device.service(queue: 0, cause: turns == 0 ? cause : .continuation)
      total.interrupt = total.interrupt || outcome.interrupt
      total.more = outcome.more
      total.failure = total.failure ?? outcome.failure
      turns += 1
    } while total.more && turns < 100_000
    return total
  }

  /// Waits for the queue's wake descriptor; false after ten seconds, or the time given.
  func waitForWake(nanoseconds: UInt64 = 10_000_000_000) -> Bool {
    guard let descriptor = device.wakeDescriptor(ofQueue: 0) else { return false }
    return (try? Poll.wait(readable: descriptor, timeoutNanoseconds: nanoseconds)) ?? false
  }

  /// The data of a discard or a request for zeroes.
  static func ranges(_ ranges: [(sector: UInt64, count: UInt32, flags: UInt32)]) -> [UInt8] {
    ranges.flatMap { littleEndian($0.sector) + littleEndian($0.count) + littleEndian($0.flags) }
  }

  /// A discard or a request for zeroes.
  func clear(
    _ type: UInt32, _ ranges: [(sector: UInt64, count: UInt32, flags: UInt32)]
  ) throws -> Answer {
    try perform([
      .readable(Self.header(type)), .readable(Self.ranges(ranges)), .writable(1),
    ])
  }

  func readSectors(_ sector: UInt64, _ count: Int) throws -> Answer {
    try perform([.readable(Self.header(Self.read, sector)), .writable(count * 512), .writable(1)])
  }

  func writeSectors(_ sector: UInt64, _ bytes: [UInt8]) throws -> Answer {
    try perform([.readable(Self.header(Self.write, sector)), .readable(bytes), .writable(1)])
  }

  /// What is on the disk.
  func disk(_ offset: Int = 0, _ count: Int? = nil) throws -> [UInt8] {
    let length = count ?? Int(device.backing.byteCount) - offset
    var bytes = [UInt8](repeating: 0, count: length)
    let got = pread(device.backing.rawDescriptor, &bytes, length, off_t(offset))
    try #require(got == length)
    return bytes
  }

  func fillDisk(_ bytes: [UInt8], at offset: Int = 0) throws {
    let put = pwrite(device.backing.rawDescriptor, bytes, bytes.count, off_t(offset))
    try #require(put == bytes.count)
  }
}

/// Both engines: whatever a driver sees must be the same.
let engines: [BlockEngineChoice] = [.synchronous, .ioUring]

/// Bytes that differ from place to place and from seed to seed.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}
