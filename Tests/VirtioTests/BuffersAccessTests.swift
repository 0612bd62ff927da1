import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

@Suite struct BuffersAccessTests {
  /// Four segments of 64 bytes, counting up.
  static let segments = (0..<4).map { segment in (0..<64).map { UInt8(segment * 64 + $0) } }

  @Test func `I12 a read of one byte too many moves the bytes there are and leaves the rest`()
    throws
  {
    var bench = try BuffersBench()
    let buffers = try bench.readable(Self.segments)
    var room = [UInt8](repeating: 0xcc, count: 257)
    var span = room.mutableSpan
    var target = span.mutableBytes
    #expect(buffers.read(at: 0, into: &target) == 256)
    #expect(room == (0..<256).map { UInt8($0) } + [0xcc])
  }

  @Test func `I13 reads at an offset are exact across the borders of descriptors`() throws {
    var bench = try BuffersBench()
    let buffers = try bench.readable(Self.segments)
    for offset in 60...65 {
      let expected = (0..<8).map { UInt8(offset + $0) }
      #expect(buffers.bytes(at: offset, 8) == expected)
      #expect(try buffers.exactBytes(at: offset, 8) == expected)
    }
    #expect(buffers.bytes(at: 63, 130) == (63..<193).map { UInt8($0) })
  }

  @Test
  func `I14 at the end the partial form says how much there was, the exact one that it is short`()
    throws
  {
    var bench = try BuffersBench()
    let buffers = try bench.readable(Self.segments)
    #expect(buffers.bytes(at: 252, 5) == [252, 253, 254, 255])
    var room = [UInt8](repeating: 0xcc, count: 5)
    let failure = bufferError { () throws(BufferError) in
      var span = room.mutableSpan
      var target = span.mutableBytes
      try buffers.readExactly(at: 252, into: &target)
    }
    #expect(failure == .partialBuffer(expected: 5, completed: 4))
    #expect(room == [252, 253, 254, 255, 0xcc])
  }

  @Test func `I15 an exact request at the end is out of bounds unless it is for nothing`() throws {
    var bench = try BuffersBench()
    let buffers = try bench.readable(Self.segments)
    let (box, request) = try bench.writable([64, 64, 64, 64])
    for offset in [256, 257, Int.max, -1] {
      let expected = BufferError.outOfBounds(offset: offset)
      for count in [1, 5] {
        #expect(
          bufferError { () throws(BufferError) in _ = try buffers.exactBytes(at: offset, count) }
            == expected)
        #expect(
          bufferError { () throws(BufferError) in
            try box.buffers.writeExactly([UInt8](repeating: 1, count: count), at: offset)
          } == expected)
      }
      let nothing: BufferError? = offset == 256 ? nil : expected
      #expect(
        bufferError { () throws(BufferError) in _ = try buffers.exactBytes(at: offset, 0) }
          == nothing)
      #expect(
        bufferError { () throws(BufferError) in try box.buffers.writeExactly([], at: offset) }
          == nothing)
    }
    #expect(
      try bench.driver.output(try #require(request)) == [UInt8](repeating: 0xee, count: 256))
  }

  @Test func `I16 writes cross descriptors, stop at the end, and past it write nothing`() throws {
    for (offset, length) in [(0, 8), (1, 8), (60, 8), (60, 140), (0, 256)] {
      var bench = try BuffersBench()
      let (box, request) = try bench.writable([64, 64, 64, 64])
      let bytes = pattern(length)
      try box.buffers.writeExactly(bytes, at: offset)
      var expected = [UInt8](repeating: 0xee, count: 256)
      expected.replaceSubrange(offset..<offset + length, with: bytes)
      #expect(try bench.driver.output(try #require(request)) == expected)
    }
    var bench = try BuffersBench()
    let (box, request) = try bench.writable([64, 64, 64, 64])
    #expect(box.buffers.write([1, 2, 3, 4, 5], at: 252) == 4)
    #expect(
      bufferError { () throws(BufferError) in
        try box.buffers.writeExactly([5, 6, 7, 8, 9], at: 252)
      }
        == .partialBuffer(expected: 5, completed: 4))
    #expect(box.buffers.write([1], at: 256) == 0)
    #expect(
      bufferError { () throws(BufferError) in try box.buffers.writeExactly([1], at: 256) }
        == .outOfBounds(offset: 256))
    #expect(
      try bench.driver.output(try #require(request))
        == [UInt8](repeating: 0xee, count: 252) + [5, 6, 7, 8])
  }

  @Test
  func `I17 what moves is the least of the wish and what is there, for up to three descriptors`()
    throws
  {
    let lengths = [1, 2, 3, 5]
    var shapes: [[Int]] = [[]]
    for _ in 0..<3 { shapes += shapes.flatMap { shape in lengths.map { shape + [$0] } } }
    for shape in Set(shapes) {
      var bench = try BuffersBench(size: 8)
      let total = shape.reduce(0, +)
      let content = pattern(total)
      var rest = content[...]
      let buffers = try bench.readable(
        shape.map { count in
          defer { rest = rest.dropFirst(count) }
          return Array(rest.prefix(count))
        })
      let (box, request) = try bench.writable(shape)
      for offset in 0...total + 2 {
        for wish in 0...total + 2 {
          let expected = min(wish, total - min(offset, total))
          #expect(
            buffers.bytes(at: offset, wish) == Array(content.dropFirst(offset).prefix(expected)))
          let bytes = pattern(wish, seed: UInt64(offset * 100 + wish))
          #expect(box.buffers.write(bytes, at: offset) == expected)
          if let request, expected > 0 {
            let output = try bench.driver.output(request)
            #expect(Array(output[offset..<offset + expected]) == Array(bytes.prefix(expected)))
          }
        }
      }
    }
  }

  @Test func `I17 descriptors that share their bytes are allowed`() throws {
    var bench = try BuffersBench()
    let place = bench.driver.allocate(16)
    let request = try bench.driver.place([.readable([0]), .readable([0])])
    for flags in [0, MockDriver.deviceWritable] {
      try bench.driver.setDescriptor(
        request.descriptors[0], place.rawValue, 8, flags | MockDriver.hasNext,
        request.descriptors[1])
      try bench.driver.setDescriptor(request.descriptors[1], place.rawValue + 4, 8, flags)
      try bench.driver.offer(request.head)
      let chain = try bench.take()
      if flags == 0 {
        try bench.driver.memory.write((0..<12).map { UInt8($0) }, at: place)
        var buffers = ReadableBuffers()
        try buffers.load(chain)
        #expect(buffers.allBytes == [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9, 10, 11])
      } else {
        var buffers = WritableBuffers()
        try buffers.load(chain)
        try buffers.writeExactly((0..<16).map { UInt8($0) }, at: 0)
        // The second descriptor is written after the first.
        #expect(
          try bench.driver.memory.bytes(at: place, count: 12)
            == [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15])
      }
      try bench.queue.stage(head: chain.head, length: 0)
      _ = bench.queue.publish()
    }
  }

  @Test func `I19 a request for nothing moves nothing`() throws {
    var bench = try BuffersBench()
    var buffers = try bench.readable(Self.segments)
    let (box, request) = try bench.writable([64])
    for offset in [0, 1, 63, 64, 255, 256, 1000] {
      #expect(buffers.bytes(at: offset, 0) == [])
      #expect(box.buffers.write([], at: offset) == 0)
      // Not even the descriptor is touched: this one is not open.
      #expect(try buffers.write(to: -1, from: offset, limit: 0) == 0)
      #expect(try box.buffers.read(from: -1, into: offset, limit: 0) == 0)
    }
    #expect(try bench.driver.output(try #require(request)) == [UInt8](repeating: 0xee, count: 64))
  }

  @Test func `I20 empty buffers have nothing to read and take nothing`() throws {
    var readable = ReadableBuffers()
    var writable = WritableBuffers()
    #expect(readable.byteCount == 0 && writable.byteCount == 0)
    #expect(readable.bytes(at: 0, 10) == [] && readable.bytes(at: 5, 10) == [])
    #expect(writable.write([1, 2], at: 0) == 0)
    #expect(try readable.write(to: -1) == 0)
    #expect(try writable.read(from: -1) == 0)
    try readable.writeExactly(to: -1, from: 0, count: 0)
    #expect(
      bufferError { () throws(BufferError) in try writable.writeExactly([1], at: 0) }
        == .outOfBounds(offset: 0))
  }
}
