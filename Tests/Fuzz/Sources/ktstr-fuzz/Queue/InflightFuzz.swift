import DriverMock
import GuestMemory
import HostOS
import Virtio

extension FuzzTarget {
  /// A queue that begins with a record of requests in flight that a hostile peer has written, who
  /// goes on writing to it.
  static let inflight = FuzzTarget("inflight") { input in
    try InflightFuzz.run(&input)
  }
}

/// One queue that begins with a record.
enum InflightFuzz {
  static func run(_ input: inout FuzzInput) throws -> Int {
    let place = try QueuePlace.all()[0]
    place.reset()
    let size = UInt16(1) << UInt16(input.below(7))
    let driver = try MockDriver(place.map, size: size, dataSize: 0x4000)
    let used = input.pick([0, 1, size, input.uint16()])
    try place.map.store(used, at: GuestAddress(driver.usedRing.rawValue + 2))
    var operations = 1
    var bytes = place.recordBytes
    fill(&bytes, size, used, &input)
    place.recordBytes = bytes
    let described = input.rarely() ? size * 2 : size
    guard
      var queue = start(driver, place, recordSize: described)
    else { return operations }
    let expected = queue.inFlightCount
    check(expected <= Int(size), "\(expected) requests in flight in a queue of \(size)")

    var heads: Set<UInt16> = []
    for _ in 0..<expected {
      operations += 1
      guard let head = try queue.popHead() else { fail("a request in flight does not come again") }
      check(head < size, "head \(head) of a queue of \(size)")
      check(heads.insert(head).inserted, "head \(head) came twice")
      if input.rarely() { scribble(place, &input) }
    }
    for head in heads {
      operations += 2
      try queue.stage(head: head, length: UInt32(head))
      if input.flag() { _ = queue.publish() }
      if input.rarely() { scribble(place, &input) }
    }
    _ = queue.publish()
    check(queue.inFlightCount == 0, "requests are left")
    check(try driver.usedIndex == used &+ UInt16(expected), "the used index")
    return operations
  }

  private static func start(
    _ driver: MockDriver, _ place: QueuePlace, recordSize: UInt16
  ) -> SplitQueue? {
    try? SplitQueue(
      driver.configuration(), in: place.map, features: [.version1],
      inflight: place.makeRecord(size: recordSize))
  }

  /// A record whose head is mostly right and whose entries are anything.
  private static func fill(
    _ bytes: inout [UInt8], _ size: UInt16, _ used: UInt16, _ input: inout FuzzInput
  ) {
    func put(_ value: UInt16, at offset: Int) {
      bytes[offset] = UInt8(truncatingIfNeeded: value)
      bytes[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }
    put(input.rarely() ? input.uint16() : 1, at: 8)
    put(input.rarely() ? input.uint16() : size, at: 10)
    put(input.rarely() ? input.uint16() : UInt16(input.below(Int(size))), at: 12)
    put(input.pick([used, used &- 1, used &- UInt16(input.byte()), input.uint16()]), at: 14)
    for index in 0..<Int(size) {
      let entry = 16 + 16 * index
      bytes[entry] = input.pick([0, 1, 1, input.byte()])
      put(input.rarely() ? input.uint16() : UInt16(input.below(Int(size))), at: entry + 6)
      bytes[entry + 8] = input.byte()
      bytes[entry + 15] = input.rarely() ? 0xff : 0
    }
  }

  private static func scribble(_ place: QueuePlace, _ input: inout FuzzInput) {
    var bytes = place.recordBytes
    for _ in 0..<4 { bytes[input.below(bytes.count)] = input.byte() }
    place.recordBytes = bytes
  }
}
