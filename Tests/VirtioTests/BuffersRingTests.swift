import Glibc
import HostOS
import Testing
import Virtio

@Suite struct BuffersRingTests {
  /// An address that is never touched, to know a buffer by.
  private static func buffer(_ number: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: 0x1000 + number), count: number % 100 + 1)
  }

  private static func view(_ ring: borrowing BufferRing) -> [Int] {
    let entries = UnsafeBufferPointer(start: ring.unsafeStart, count: ring.count)
    return entries.map { entry in
      let number = Int(bitPattern: entry.iov_base) - 0x1000
      return entry.iov_len == number % 100 + 1 ? number : -1
    }
  }

  @Test(arguments: [1, 2, 3, 128, 256, 512])
  func `I21 the view is contiguous and in order whatever wraps around`(capacity: Int) {
    print("buffer ring, seed \(capacity)")
    var generator = SplitMix64(seed: UInt64(capacity))
    var ring = BufferRing(capacity: capacity)
    var model: [Int] = []
    var next = 1
    #expect(ring.capacity == capacity && ring.count == 0)
    for _ in 0..<3000 {
      let room = UInt64(capacity - model.count)
      switch generator.next() % 4 {
      case 0, 1:
        for _ in 0..<(generator.next() % (room + 1)) {
          ring.append(Self.buffer(next))
          model.append(next)
          next += 1
        }
      case 2:
        let count = Int(generator.next() % UInt64(model.count + 1))
        ring.removeFirst(count)
        model.removeFirst(count)
      default:
        let count = Int(generator.next() % UInt64(model.count + 1))
        ring.removeLast(count)
        model.removeLast(count)
      }
      #expect(ring.count == model.count)
      #expect(ring.isFull == (model.count == capacity))
      #expect(Self.view(ring) == model)
      if let last = model.last { #expect(ring.byteCount(at: model.count - 1) == last % 100 + 1) }
    }
    ring.removeAll()
    #expect(ring.count == 0)
  }

  @Test func `I21 adding to a full ring is a programming error`() async {
    await #expect(processExitsWith: .failure) {
      var ring = BufferRing(capacity: 1)
      ring.append(UnsafeMutableRawBufferPointer(start: nil, count: 0))
      ring.append(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    }
  }

  @Test func `I21 dropping more than there is is a programming error`() async {
    await #expect(processExitsWith: .failure) {
      var ring = BufferRing(capacity: 2)
      ring.append(UnsafeMutableRawBufferPointer(start: nil, count: 0))
      ring.removeFirst(2)
    }
    await #expect(processExitsWith: .failure) {
      var ring = BufferRing(capacity: 2)
      ring.append(UnsafeMutableRawBufferPointer(start: nil, count: 0))
      ring.removeLast(2)
    }
  }
}
