import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct QueueConfigurationTests {
  @Test func `Q1 Q11 a new and a reset configuration are the same`() throws {
    let driver = try MockDriver(try makeMemory(), size: 16)
    var configuration = try driver.configuration(maximumSize: 64)
    let fresh = QueueConfiguration(maximumSize: 64)
    #expect(configuration != fresh)
    configuration.reset()
    #expect(configuration == fresh)
    #expect(fresh.size == 64)
    #expect(!fresh.ready)
    #expect(fresh.descriptorTable == GuestAddress(0))
  }

  @Test func `Q2 a queue that is not ready cannot be used`() throws {
    let driver = try MockDriver(try makeMemory(), size: 16)
    var configuration = try driver.configuration()
    configuration.ready = false
    #expect(throws: QueueError.notReady) {
      _ = try SplitQueue(configuration, in: driver.memory, features: [])
    }
    #expect(!configuration.isValid(in: driver.memory))
  }

  @Test(arguments: [0, 3, 11, 65, 128, 32_768, 65_535] as [UInt16])
  func `Q3 Q9 an impossible size is refused and the old one kept`(size: UInt16) throws {
    var configuration = QueueConfiguration(maximumSize: 64)
    try configuration.setSize(8)
    #expect(throws: QueueError.invalidSize(size, maximum: 64)) { try configuration.setSize(size) }
    #expect(configuration.size == 8)
  }

  @Test(arguments: [
    (QueueError.Ring.descriptorTable, 16), (.availableRing, 2), (.usedRing, 4),
  ])
  func `Q4 Q9 a misaligned ring is refused and the old address kept`(
    ring: QueueError.Ring, alignment: Int
  ) throws {
    var configuration = QueueConfiguration(maximumSize: 64)
    try configuration.setAddress(GuestAddress(0x1000), of: ring)
    let address = GuestAddress(0x1000 + UInt64(alignment) / 2)
    #expect(throws: QueueError.misaligned(ring, address, alignment: alignment)) {
      try configuration.setAddress(address, of: ring)
    }
    #expect(configuration.address(of: ring) == GuestAddress(0x1000))
  }

  @Test(arguments: [QueueError.Ring.descriptorTable, .availableRing, .usedRing])
  func `Q5 Q10 a ring outside memory is refused, also when only its end is`(
    ring: QueueError.Ring
  ) throws {
    let driver = try MockDriver(try makeMemory(0x10_0000), size: 16)
    let good = try driver.configuration()
    #expect(good.isValid(in: driver.memory))
    let length = UInt64(good.byteCount(of: ring))
    for address in [0xffff_ff00, 0x10_0000, (0x10_0000 - length + 16) & ~15, 0 &- 16] as [UInt64] {
      var bad = good
      try bad.setAddress(GuestAddress(address), of: ring)
      #expect(!bad.isValid(in: driver.memory))
      #expect(
        throws: QueueError.ringUnmapped(ring, GuestAddress(address), byteCount: Int(length))
      ) { _ = try SplitQueue(bad, in: driver.memory, features: []) }
    }
  }

  @Test func `Q6 a ring that crosses a region boundary is refused`() throws {
    let memory = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x8000),
      try GuestRegion(anonymousAt: GuestAddress(0x8000), size: 0x8000),
    ])
    var configuration = try MockDriver(memory, size: 16, dataSize: 0).configuration()
    try configuration.setAddress(GuestAddress(0x7ff0), of: .descriptorTable)
    #expect(
      throws: QueueError.ringUnmapped(.descriptorTable, GuestAddress(0x7ff0), byteCount: 256)
    ) { _ = try SplitQueue(configuration, in: memory, features: []) }
  }

  @Test func `Q7 a ring that is misaligned on the host side only is refused`() throws {
    let file = try MemoryFile(name: "odd", size: 0x10_0000)
    let memory = try GuestMemoryMap([
      try GuestRegion(
        mapping: file.descriptor.raw, fileOffset: 8, at: GuestAddress(0), size: 0x8_0000)
    ])
    let configuration = try MockDriver(memory, size: 16, dataSize: 0).configuration()
    #expect(throws: QueueError.self) {
      _ = try SplitQueue(configuration, in: memory, features: [])
    }
  }

  @Test func `a queue of the largest size works to its last descriptor`() throws {
    let driver = try MockDriver(try makeMemory(0x40_0000), size: 32_768, dataSize: 0x1000)
    var queue = try driver.makeQueue()
    var chain = DescriptorChain()
    try driver.setDescriptor(32_767, 0x1000, 1, MockDriver.deviceWritable)
    try driver.offer(32_767)
    let found = try queue.peek(into: &chain)
    #expect(found)
    #expect(chain.head == 32_767)
  }
}
