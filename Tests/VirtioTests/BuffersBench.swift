import DriverMock
import GuestMemory
import HostOS
import Testing
import Virtio

/// A queue whose chains are loaded into buffers, and the driver that makes them.
struct BuffersBench: ~Copyable {
  let driver: MockDriver
  var queue: SplitQueue

  init(_ memory: GuestMemoryMap? = nil, size: UInt16 = 64) throws {
    let driver = try MockDriver(try memory ?? makeMemory(), size: size)
    queue = try driver.makeQueue()
    self.driver = driver
  }

  /// Offers the segments and takes them as one chain.
  mutating func chain(_ segments: [MockDriver.Segment]) throws -> DescriptorChain {
    try driver.submit(segments)
    return try take()
  }

  /// Takes the next chain that waits.
  mutating func take() throws -> DescriptorChain {
    var chain = DescriptorChain()
    try #require(try queue.peek(into: &chain))
    queue.commit(chain)
    return chain
  }

  /// Readable buffers with these segments as one chain.
  mutating func readable(_ segments: [[UInt8]]) throws -> ReadableBuffers {
    var buffers = ReadableBuffers(capacity: 64)
    if !segments.isEmpty {
      let chain = try chain(segments.map { .readable($0) })
      try buffers.load(chain)
    }
    return buffers
  }

  /// Writable buffers with segments of these lengths as one chain, and how to see what is in them.
  mutating func writable(_ counts: [Int]) throws -> (WritableBox, MockDriver.Request?) {
    let box = WritableBox()
    guard !counts.isEmpty else { return (box, nil) }
    let request = try driver.submit(counts.map { .writable($0) })
    let chain = try take()
    try box.buffers.load(chain)
    return (box, request)
  }
}

/// Writable buffers that can stand in a tuple.
final class WritableBox {
  var buffers = WritableBuffers(capacity: 64)
}

extension ReadableBuffers {
  /// As many bytes as there are at an offset, `count` at most.
  func bytes(at offset: Int, _ count: Int) -> [UInt8] {
    var result = [UInt8](repeating: 0xcc, count: count)
    var span = result.mutableSpan
    var room = span.mutableBytes
    let moved = read(at: offset, into: &room)
    return Array(result.prefix(moved))
  }

  /// Exactly `count` bytes at an offset.
  func exactBytes(at offset: Int, _ count: Int) throws(BufferError) -> [UInt8] {
    var result = [UInt8](repeating: 0xcc, count: count)
    var span = result.mutableSpan
    var room = span.mutableBytes
    try readExactly(at: offset, into: &room)
    return result
  }

  var allBytes: [UInt8] { bytes(at: 0, byteCount) }
}

extension WritableBuffers {
  func write(_ bytes: [UInt8], at offset: Int) -> Int { write(bytes.span.bytes, at: offset) }

  func writeExactly(_ bytes: [UInt8], at offset: Int) throws(BufferError) {
    try writeExactly(bytes.span.bytes, at: offset)
  }
}

/// What a body throws of buffers; nil when it does not.
func bufferError(_ body: () throws(BufferError) -> Void) -> BufferError? {
  do throws(BufferError) {
    try body()
    return nil
  } catch {
    return error
  }
}
