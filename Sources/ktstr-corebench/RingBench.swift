import DriverMock
import GuestMemory
import HostOS
import Virtio

/// A queue of 256 descriptors with a driver whose rings were filled beforehand.
///
/// What is measured stands in the sections below, each a function of its own that is never
/// inlined: the clock and callgrind see exactly what a device does, as calls from another module.
struct RingBench: ~Copyable {
  static let size: UInt16 = 256
  let raw: RawRings
  var queue: SplitQueue
  var chain = DescriptorChain()
  var heads = [UInt16](repeating: 0, count: Int(RingBench.size))
  var available: UInt16 = 0

  /// Fills the table with chains of `length` one-page buffers, of which the last `writable` are for
  /// the device to write, one after the other.
  init(chainLength length: Int, writable: Int, features: VirtioFeatures = .eventIndex) throws {
    let memory = try makeMemory(1 << 24)
    let driver = try MockDriver(memory, size: Self.size)
    let raw = try RawRings(driver)
    for index in 0..<Int(Self.size) {
      let place = index % length
      let flags: UInt16 =
        (place < length - 1 ? MockDriver.hasNext : 0)
        | (place >= length - writable ? MockDriver.deviceWritable : 0)
      raw.setDescriptor(
        index, 0x10_0000 + UInt64(index) * 4096, 4096, flags, UInt16(index + 1) % Self.size)
      raw.setHead(UInt16(index * length % Int(Self.size)), at: index)
    }
    self.init(raw, try driver.makeQueue(features))
  }

  private init(_ raw: RawRings, _ queue: consuming SplitQueue) {
    self.raw = raw
    self.queue = queue
  }

  /// The driver offers `count` chains more.
  mutating func offer(_ count: Int) {
    available &+= UInt16(count)
    raw.setAvailableIndex(available)
  }
}

/// What one sample took.
struct RingSample {
  var operations = 0
  var nanoseconds: UInt64 = 0

  mutating func measure(_ count: Int, _ body: () throws -> Void) rethrows {
    let start = MonotonicTime.now()
    try body()
    nanoseconds += MonotonicTime.now().nanoseconds(since: start)
    operations += count
  }
}
