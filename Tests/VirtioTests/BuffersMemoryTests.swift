import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct BuffersMemoryTests {
  @Test func `I5 a descriptor of which one byte is not mapped is refused as a whole`() throws {
    for flags in [0, MockDriver.deviceWritable] {
      var bench = try BuffersBench(try makeMemory(0x10_0000))
      let request = try bench.driver.place([.readable([0])])
      try bench.driver.setDescriptor(request.head, 0x10_0000 - 63, 64, flags)
      try bench.driver.offer(request.head)
      var chain = DescriptorChain()
      var failure: QueueError?
      do throws(QueueError) {
        _ = try bench.queue.peek(into: &chain)
      } catch {
        failure = error
      }
      #expect(failure == .bufferUnmapped(GuestAddress(0x10_0000 - 63), byteCount: 64))
      #expect(chain.readableByteCount == 0 && chain.writableByteCount == 0)
    }
  }

  @Test func `I11 pages are marked when they are written, exactly those, not when they are loaded`()
    throws
  {
    let bitmap = try DirtyBitmap(through: GuestAddress(0x30_0fff))
    let memory = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x20_0000),
      try GuestRegion(anonymousAt: GuestAddress(0x20_0000), size: 0x10_1000),
    ]).tracking(bitmap)
    var bench = try BuffersBench(memory)
    var buffers = WritableBuffers()
    // Five pages, the region's border behind the second.
    let start: UInt64 = 0x1f_e000
    let request = try bench.driver.place([.writable(1), .writable(1)])
    try bench.driver.setDescriptor(
      request.descriptors[0], start, 0x4000, MockDriver.deviceWritable | MockDriver.hasNext,
      request.descriptors[1])
    try bench.driver.setDescriptor(
      request.descriptors[1], 0x30_0000, 0x1000, MockDriver.deviceWritable)
    try bench.driver.offer(request.head)
    let chain = try bench.take()
    func dirtyPages() -> [UInt64] {
      bitmap.takeSnapshot().ranges.flatMap { range in
        (0..<UInt64(range.count / 4096)).map { range.address.rawValue / 4096 + $0 }
      }.filter { $0 >= start / 4096 }
    }
    _ = dirtyPages()
    try buffers.load(chain)
    #expect(dirtyPages() == [])
    try buffers.writeExactly([1], at: 0xfff)
    #expect(dirtyPages() == [0x1fe])
    try buffers.writeExactly([1, 2], at: 0x1fff)
    #expect(dirtyPages() == [0x1ff, 0x200])
    #expect(buffers.write(pattern(0x2000), at: 0x3fff) == 0x1001)
    #expect(dirtyPages() == [0x201, 0x300])
    let file = try MemoryFile(name: "dirty", size: 0x1001)
    #expect(try buffers.read(from: file.descriptor.raw, into: 0x1000, at: 0) == 0x1001)
    #expect(dirtyPages() == [0x1ff, 0x200])
    #expect(try buffers.read(from: file.descriptor.raw, at: 0x1001) == 0)
    #expect(bufferError { () throws(BufferError) in _ = try buffers.read(from: -1) } != nil)
    #expect(dirtyPages() == [])
  }

  @Test func `I22 a descriptor across adjacent regions is split, and its bytes stay in one row`()
    throws
  {
    let memory = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 0x20_0000),
      try GuestRegion(anonymousAt: GuestAddress(0x20_0000), size: 0x1000),
      try GuestRegion(anonymousAt: GuestAddress(0x20_1000), size: 0x1000),
    ])
    let bytes = pattern(0x1010)
    let start = GuestAddress(0x20_0000 - 8)
    for flags in [0, MockDriver.deviceWritable] {
      var bench = try BuffersBench(memory)
      let request = try bench.driver.place([.readable([0])])
      try bench.driver.setDescriptor(request.head, start.rawValue, 0x1010, flags)
      try bench.driver.offer(request.head)
      let chain = try bench.take()
      if flags == 0 {
        try memory.write(bytes, at: start)
        var buffers = ReadableBuffers()
        #expect(try buffers.load(chain).bufferCount == 3)
        #expect(buffers.allBytes == bytes)
        #expect(try buffers.exactBytes(at: 4, 8) == Array(bytes[4..<12]))
      } else {
        try memory.write([UInt8](repeating: 0, count: 0x1010), at: start)
        var buffers = WritableBuffers()
        #expect(try buffers.load(chain).bufferCount == 3)
        try buffers.writeExactly(bytes, at: 0)
        #expect(try memory.bytes(at: start, count: 0x1010) == bytes)
      }
    }
  }
}
