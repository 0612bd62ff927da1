package import GuestMemory
package import Virtio

/// A driver's half of a split queue, written from the specification and on real memory.
///
/// It behaves as a driver should, for as long as one likes: descriptors and buffers of a request are
/// used again once the device has returned it. A test misbehaves through the raw stores of
/// MockDriver+Words.swift or the deeds of MockDriver+Mischief.swift.
package final class MockDriver {
  /// One buffer of a request.
  package enum Segment {
    case readable([UInt8])
    case writable(Int)

    /// Its length in bytes.
    package var byteCount: Int {
      switch self {
      case .readable(let bytes): bytes.count
      case .writable(let count): count
      }
    }
  }

  /// A request as it lies in guest memory.
  package struct Request {
    package var head: UInt16
    package var writable: [(address: GuestAddress, count: Int)]
    /// The descriptors of the table that it occupies.
    package var descriptors: [UInt16]
    var room: [Range<UInt64>] = []
  }

  /// One element of the used ring.
  package struct Used: Equatable {
    package var head: UInt32
    package var length: UInt32

    package init(head: UInt32, length: UInt32) {
      self.head = head
      self.length = length
    }
  }

  /// What the mock cannot do.
  package enum Failure: Error, Equatable {
    /// The device has not returned enough of them.
    case noDescriptors(free: Int, needed: Int)
    /// The data area is full of buffers of requests that were not returned.
    case noRoom(byteCount: Int)
    /// A request without any buffer, or, where it is also offered, without any byte.
    case emptyRequest
  }

  package static let hasNext: UInt16 = 1
  package static let deviceWritable: UInt16 = 2
  package static let indirect: UInt16 = 4

  package let memory: GuestMemoryMap
  package let size: UInt16
  package let descriptorTable: GuestAddress
  package let availableRing: GuestAddress
  package let usedRing: GuestAddress
  /// Whether wishes about notifications go through event indices; follows `makeQueue`.
  package var usesEventIndex = false
  package internal(set) var availableIndex: UInt16
  package internal(set) var seenUsed: UInt16
  /// The available index when the device was last asked whether it wants to be notified.
  var notifiedAvailable: UInt16
  var room: BufferRoom
  var free: [UInt16]
  var outstanding: [UInt16: Request] = [:]
  // How far the used ring was gone through to get descriptors back, collected or not.
  var recycledUsed: UInt16

  /// Lays the rings out from `base` on, each on a page of its own, with buffers behind them.
  package init(
    _ memory: GuestMemoryMap, size: UInt16, base: UInt64 = 0x1000, dataSize: UInt64 = 0x8_0000,
    firstIndex: UInt16 = 0
  ) throws {
    func page(after count: UInt64) -> UInt64 { (count + 0xfff) & ~0xfff }
    self.memory = memory
    self.size = size
    let table = base
    let available = page(after: table + 16 * UInt64(size))
    let used = page(after: available + 6 + 2 * UInt64(size))
    descriptorTable = GuestAddress(table)
    availableRing = GuestAddress(available)
    usedRing = GuestAddress(used)
    let data = page(after: used + 6 + 8 * UInt64(size))
    room = BufferRoom(data..<data + dataSize)
    free = Array(0..<size)
    availableIndex = firstIndex
    seenUsed = firstIndex
    notifiedAvailable = firstIndex
    recycledUsed = firstIndex
    try memory.store(firstIndex, at: GuestAddress(available + 2))
    try memory.store(firstIndex, at: GuestAddress(used + 2))
  }

  package func configuration(maximumSize: UInt16 = 32_768) throws -> QueueConfiguration {
    var result = QueueConfiguration(maximumSize: maximumSize)
    try result.setSize(size)
    try result.setAddress(descriptorTable, of: .descriptorTable)
    try result.setAddress(availableRing, of: .availableRing)
    try result.setAddress(usedRing, of: .usedRing)
    result.ready = true
    return result
  }

  package func makeQueue(
    _ features: VirtioFeatures = [.version1, .indirectDescriptors],
    nextAvailable: UInt16? = nil, inflight: InflightRecord? = nil
  ) throws -> SplitQueue {
    usesEventIndex = features.contains(.eventIndex)
    return try SplitQueue(
      try configuration(), in: memory, features: features,
      nextAvailable: nextAvailable ?? availableIndex, inflight: inflight)
  }

  /// Begins anew, as after a reset of the device: nothing is outstanding, the rings are empty.
  package func restart(firstIndex: UInt16 = 0) throws {
    for request in outstanding.values { room.release(request.room) }
    outstanding = [:]
    free = Array(0..<size)
    seenUsed = firstIndex
    notifiedAvailable = firstIndex
    recycledUsed = firstIndex
    try setAvailableFlags(0)
    try setAvailableIndex(firstIndex)
    try setUsedEvent(0)
    try memory.store(firstIndex, at: GuestAddress(usedRing.rawValue + 2))
  }

  /// Descriptors that no request occupies.
  package var freeDescriptorCount: Int { free.count }

  /// Requests offered and not collected.
  package var outstandingCount: Int { outstanding.count }

  /// Room for a buffer that no request keeps: others may come to lie there later.
  package func allocate(_ count: Int) -> GuestAddress {
    GuestAddress(room.find(count) ?? room.bounds.lowerBound)
  }
}

/// The bytes of a number, lowest first.
package func littleEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
  (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// Anonymous guest memory of one region from address 0 on.
package func makeMemory(_ size: UInt64 = 0x20_0000) throws -> GuestMemoryMap {
  try GuestMemoryMap([try GuestRegion(anonymousAt: GuestAddress(0), size: size)])
}
