import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct BuffersLoadTests {
  static let quarters = (0..<4).map { [UInt8](repeating: UInt8($0 + 1), count: 64) }

  @Test func `I1 a readable chain loads, one with a writable descriptor is refused`() throws {
    var bench = try BuffersBench()
    let buffers = try bench.readable(Self.quarters)
    #expect(buffers.allBytes == Self.quarters.flatMap { $0 })
    #expect(buffers.bufferCount == 4 && buffers.chainCount == 1)

    var other = ReadableBuffers()
    let mixed = try bench.chain([.readable([1]), .writable(1)])
    let writable = try bench.chain([.writable(1)])
    #expect(
      bufferError { () throws(BufferError) in try other.load(mixed) }
        == .writeOnlyDescriptor(head: mixed.head))
    #expect(
      bufferError { () throws(BufferError) in try other.append(writable) }
        == .writeOnlyDescriptor(head: writable.head))
    #expect(other.byteCount == 0 && other.chainCount == 0)
  }

  @Test func `I2 a writable chain loads, one with a readable descriptor is refused`() throws {
    var bench = try BuffersBench()
    let (box, request) = try bench.writable([64, 64, 64, 64])
    #expect(box.buffers.write([UInt8](repeating: 7, count: 256), at: 0) == 256)
    #expect(try bench.driver.output(try #require(request)) == [UInt8](repeating: 7, count: 256))

    var other = WritableBuffers()
    let mixed = try bench.chain([.readable([1]), .writable(1)])
    let readable = try bench.chain([.readable([1])])
    #expect(
      bufferError { () throws(BufferError) in try other.load(mixed) }
        == .readOnlyDescriptor(head: mixed.head))
    #expect(
      bufferError { () throws(BufferError) in try other.append(readable) }
        == .readOnlyDescriptor(head: readable.head))
    #expect(other.byteCount == 0 && other.chainCount == 0)
  }

  @Test func `I3 the length is the sum of the descriptors', over all chains`() throws {
    var bench = try BuffersBench()
    var readable = try bench.readable(Self.quarters)
    #expect(readable.byteCount == 256)
    let more = try bench.chain(Self.quarters.map { .readable($0) })
    try readable.append(more)
    #expect(readable.byteCount == 512 && readable.bufferCount == 8 && readable.chainCount == 2)
    #expect(readable.allBytes == (Self.quarters + Self.quarters).flatMap { $0 })

    let (box, _) = try bench.writable([64, 64, 64, 64])
    #expect(box.buffers.byteCount == 256)
    let room = try bench.chain([.writable(64), .writable(64), .writable(64), .writable(64)])
    try box.buffers.append(room)
    #expect(box.buffers.byteCount == 512)
  }

  /// A chain of `count` descriptors of `length` bytes each, all on the same memory.
  private func place(
    _ count: Int, of length: UInt32, flags: UInt16, at address: UInt64, _ bench: inout BuffersBench
  ) throws -> DescriptorChain {
    let request = try bench.driver.place((0..<count).map { _ in .readable([0]) })
    for (index, slot) in request.descriptors.enumerated() {
      let isLast = index + 1 == count
      try bench.driver.setDescriptor(
        slot, address, length, flags | (isLast ? 0 : MockDriver.hasNext),
        isLast ? 0 : request.descriptors[index + 1])
    }
    try bench.driver.offer(request.head)
    return try bench.take()
  }

  @Test func `I4 more bytes than 32 bits count are refused, in one chain and over several`() throws
  {
    let memory = try makeMemory().inserting(
      try GuestRegion(anonymousAt: GuestAddress(1 << 32), size: 1 << 31))
    for flags in [0, MockDriver.deviceWritable] {
      var bench = try BuffersBench(memory)
      // 2 GiB less a byte, twice, and one byte: just what 32 bits count.
      let half = UInt32(Int32.max)
      let whole = try place(2, of: half, flags: flags, at: 1 << 32, &bench)
      let byte = try place(1, of: 1, flags: flags, at: 1 << 32, &bench)
      var readable = ReadableBuffers()
      var writable = WritableBuffers()
      let expected = BufferError.tooLong(byteCount: 1 << 32)
      if flags == 0 {
        for chain in 0..<2 {
          if chain == 0 { try readable.append(whole) } else { try readable.append(byte) }
        }
        #expect(readable.byteCount == Int(UInt32.max))
        #expect(bufferError { () throws(BufferError) in try readable.append(byte) } == expected)
        #expect(readable.byteCount == Int(UInt32.max) && readable.chainCount == 2)
      } else {
        try writable.append(whole)
        try writable.append(byte)
        #expect(bufferError { () throws(BufferError) in try writable.append(byte) } == expected)
        #expect(writable.byteCount == Int(UInt32.max) && writable.bufferCount == 3)
      }
      // In one chain the queue itself says so.
      #expect(throws: QueueError.self) {
        _ = try place(3, of: half, flags: flags, at: 1 << 32, &bench)
      }
    }
  }

  @Test func `I6 a chain that is refused leaves the readable buffers as they were`() throws {
    var bench = try BuffersBench()
    var buffers = ReadableBuffers(capacity: 6)
    let first = try bench.chain(Self.quarters.map { .readable($0) })
    let large = try bench.chain((0..<3).map { .readable([UInt8($0)]) })
    let huge = try bench.chain((0..<7).map { .readable([UInt8($0)]) })
    let mixed = try bench.chain([.readable([1]), .writable(1)])
    try buffers.load(first)
    for attempt in 0..<5 {
      let failure = bufferError { () throws(BufferError) in
        switch attempt {
        case 0: try buffers.append(large)
        case 1: try buffers.append(huge)
        case 2: try buffers.load(huge)
        case 3: try buffers.append(mixed)
        default: try buffers.load(mixed)
        }
      }
      #expect(failure != nil)
      #expect(buffers.allBytes == Self.quarters.flatMap { $0 })
      #expect(buffers.bufferCount == 4 && buffers.chainCount == 1)
    }
    #expect(buffers.dropFirstChain()?.head == first.head)
  }

  @Test func `I6 a chain that is refused leaves the writable buffers as they were`() throws {
    var bench = try BuffersBench()
    var buffers = WritableBuffers(capacity: 6)
    let request = try bench.driver.submit((0..<4).map { _ in .writable(64) })
    let first = try bench.take()
    let large = try bench.chain((0..<3).map { _ in .writable(1) })
    let huge = try bench.chain((0..<7).map { _ in .writable(1) })
    let mixed = try bench.chain([.readable([1]), .writable(1)])
    try buffers.load(first)
    for attempt in 0..<5 {
      let failure = bufferError { () throws(BufferError) in
        switch attempt {
        case 0: try buffers.append(large)
        case 1: try buffers.append(huge)
        case 2: try buffers.load(huge)
        case 3: try buffers.append(mixed)
        default: try buffers.load(mixed)
        }
      }
      #expect(failure != nil)
      #expect(buffers.byteCount == 256 && buffers.bufferCount == 4 && buffers.chainCount == 1)
      let bytes = pattern(256, seed: UInt64(attempt))
      try buffers.writeExactly(bytes, at: 0)
      #expect(try bench.driver.output(request) == bytes)
    }
  }

  @Test func `I7 loading takes the place of what was there`() throws {
    var bench = try BuffersBench()
    var readable = try bench.readable(Self.quarters)
    let next = try bench.chain([.readable([9, 8])])
    try readable.load(next)
    #expect(readable.allBytes == [9, 8])
    #expect(readable.chainCount == 1 && readable.bufferCount == 1)
    let (box, _) = try bench.writable([64, 64])
    let room = try bench.chain([.writable(3)])
    try box.buffers.load(room)
    #expect(box.buffers.byteCount == 3 && box.buffers.chainCount == 1)
    box.buffers.removeAll()
    #expect(box.buffers.byteCount == 0 && box.buffers.chainCount == 0)
  }

  @Test func `I8 loading and adding say the head, the bytes and the number of buffers`() throws {
    var bench = try BuffersBench()
    var readable = ReadableBuffers()
    var writable = WritableBuffers()
    for count in 1...4 {
      let chain = try bench.chain(
        (0..<count).map { .readable([UInt8](repeating: 1, count: $0 + 1)) })
      let expected = LoadedChain(
        head: chain.head, byteCount: count * (count + 1) / 2, bufferCount: count)
      #expect(try readable.append(chain) == expected)
      let room = try bench.chain((0..<count).map { _ in .writable(10) })
      #expect(
        try writable.append(room)
          == LoadedChain(head: room.head, byteCount: 10 * count, bufferCount: count))
      var other = ReadableBuffers()
      #expect(try other.load(chain) == expected)
    }
  }

  @Test func `I9 dropping takes exactly one chain from either end`() throws {
    var bench = try BuffersBench()
    var readable = ReadableBuffers(capacity: 8)
    var writable = WritableBuffers(capacity: 8)
    var loaded: [LoadedChain] = []
    var room: [LoadedChain] = []
    for count in 1...3 as ClosedRange<UInt8> {
      let chain = try bench.chain((0..<count).map { .readable([count, $0]) })
      loaded.append(try readable.append(chain))
      let space = try bench.chain((0..<count).map { _ in .writable(5) })
      room.append(try writable.append(space))
    }
    #expect(readable.byteCount == 12 && readable.bufferCount == 6)
    #expect(readable.dropFirstChain() == loaded[0])
    #expect(readable.allBytes == [2, 0, 2, 1, 3, 0, 3, 1, 3, 2])
    #expect(readable.dropLastChain() == loaded[2])
    #expect(readable.allBytes == [2, 0, 2, 1])
    #expect(readable.bufferCount == 2 && readable.byteCount == 4)
    #expect(readable.dropLastChain() == loaded[1])
    #expect(readable.dropFirstChain() == nil && readable.dropLastChain() == nil)
    #expect(readable.bufferCount == 0 && readable.byteCount == 0)

    #expect(writable.dropLastChain() == room[2])
    #expect(writable.dropFirstChain() == room[0])
    #expect(writable.byteCount == 10 && writable.bufferCount == 2)
    #expect(writable.dropFirstChain() == room[1])
    #expect(writable.dropFirstChain() == nil && writable.chainCount == 0)
  }

  @Test func `I10 chains past the room are refused before anything is added`() throws {
    var bench = try BuffersBench()
    var readable = ReadableBuffers(capacity: 4)
    var writable = WritableBuffers(capacity: 4)
    let two = try bench.chain([.readable([1]), .readable([2])])
    let three = try bench.chain([.readable([1]), .readable([2]), .readable([3])])
    let room = try bench.chain([.writable(1), .writable(1), .writable(1)])
    try readable.append(two)
    try writable.append(room)
    let expected = BufferError.tooManyBuffers(capacity: 4)
    #expect(bufferError { () throws(BufferError) in try readable.append(three) } == expected)
    #expect(bufferError { () throws(BufferError) in try writable.append(room) } == expected)
    #expect(readable.allBytes == [1, 2] && writable.byteCount == 3)
    // Full to the last place is fine.
    try readable.append(two)
    #expect(readable.bufferCount == 4)
    #expect(bufferError { () throws(BufferError) in try readable.append(two) } == expected)
  }
}
