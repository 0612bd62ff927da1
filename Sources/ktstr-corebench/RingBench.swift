import DriverMock
import GuestMemory
import HostOS
import Virtio

/// A queue of 256 descriptors with a driver whose rings were filled beforehand.
///
/// What is measured stands in RingSections.swift, each a function of its own that is never inlined:
/// the clock and callgrind see exactly what a device does, as calls into another module.
struct RingBench: ~Copyable {
  static let size: UInt16 = 256
  let raw: RawRings
  var queue: SplitQueue
  var chain = DescriptorChain()
  private var available: UInt16 = 0

  /// Fills the table with chains of `length` buffers of a page, the last `writable` of them for the
  /// device to write; with `indirect`, each chain is a table behind one descriptor.
  init(
    chainLength length: Int, writable: Int, indirect: Bool = false,
    features: VirtioFeatures = [.eventIndex, .indirectDescriptors]
  ) throws {
    let memory = try makeMemory(1 << 24)
    let driver = try MockDriver(memory, size: Self.size)
    let raw = try RawRings(driver)
    func flags(_ place: Int) -> UInt16 {
      (place < length - 1 ? MockDriver.hasNext : 0)
        | (place >= length - writable ? MockDriver.deviceWritable : 0)
    }
    func buffer(_ index: Int) -> UInt64 { 0x20_0000 + UInt64(index % 256) * 4096 }
    for index in 0..<Int(Self.size) {
      if indirect {
        let table = 0x10_0000 + UInt64(index * length * 16 % 0x8_0000)
        raw.setDescriptor(index, table, UInt32(length * 16), MockDriver.indirect, 0)
        for place in 0..<length {
          try memory.write(
            MockDriver.encode(buffer(place), 4096, flags(place), UInt16(place + 1)),
            at: GuestAddress(table + UInt64(place) * 16))
        }
      } else {
        raw.setDescriptor(
          index, buffer(index), 4096, flags(index % length), UInt16(index + 1) % Self.size)
      }
      raw.setHead(UInt16(indirect ? index : index * length % Int(Self.size)), at: index)
    }
    self.init(raw, try driver.makeQueue(features))
  }

  private init(_ raw: RawRings, _ queue: consuming SplitQueue) {
    self.raw = raw
    self.queue = queue
  }

  /// The driver offers `count` chains more.
  mutating func offer(_ count: Int) {
    available &+= UInt16(truncatingIfNeeded: count)
    raw.setAvailableIndex(available)
  }
}

/// What was done, and how long it took.
struct RingSample {
  var operations = 0
  var nanoseconds: UInt64 = 0
  // What sections computed, so that they are not optimized away.
  private(set) var sum = 0

  /// Times a section that does `count` operations.
  mutating func measure(_ count: Int, _ body: () throws -> Int) rethrows {
    let start = MonotonicTime.now()
    let value = try body()
    nanoseconds += MonotonicTime.now().nanoseconds(since: start)
    operations += count
    sum &+= value
  }

  /// Runs a section outside of the measurement.
  mutating func prepare(_ body: () throws -> Int) rethrows {
    sum &+= try body()
  }
}
