package import GuestMemory
package import Virtio

/// A driver's half of a split queue, written from the specification and on real memory.
///
/// It behaves as a driver should, and lets a test misbehave through its addresses and raw stores.
package final class MockDriver {
  /// One buffer of a request.
  package enum Segment {
    case readable([UInt8])
    case writable(Int)
  }

  /// A request as it lies in guest memory.
  package struct Request {
    package var head: UInt16
    package var writable: [(address: GuestAddress, count: Int)]
    package var descriptors: [UInt16]
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

  package static let hasNext: UInt16 = 1
  package static let deviceWritable: UInt16 = 2
  package static let indirect: UInt16 = 4

  package let memory: GuestMemoryMap
  package let size: UInt16
  package let descriptorTable: GuestAddress
  package let availableRing: GuestAddress
  package let usedRing: GuestAddress
  private let dataStart: UInt64
  private let dataEnd: UInt64
  private var dataCursor: UInt64
  private var nextDescriptor: UInt16 = 0
  package private(set) var availableIndex: UInt16
  package private(set) var seenUsed: UInt16

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
    dataStart = page(after: used + 6 + 8 * UInt64(size))
    dataEnd = dataStart + dataSize
    dataCursor = dataStart
    availableIndex = firstIndex
    seenUsed = firstIndex
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
    nextAvailable: UInt16? = nil
  ) throws -> SplitQueue {
    try SplitQueue(
      try configuration(), in: memory, features: features,
      nextAvailable: nextAvailable ?? availableIndex)
  }

  // MARK: Requests

  /// Lays out a request in descriptors of the table, without offering it.
  package func place(_ segments: [Segment]) throws -> Request {
    var request = Request(head: nextDescriptor, writable: [], descriptors: [])
    for (index, segment) in segments.enumerated() {
      let slot = nextDescriptor
      nextDescriptor = (nextDescriptor + 1) % size
      request.descriptors.append(slot)
      let (address, count, isWritable) = try place(segment)
      if isWritable { request.writable.append((address, count)) }
      let more = index + 1 < segments.count
      try setDescriptor(
        slot, address.rawValue, UInt32(count),
        (more ? Self.hasNext : 0) | (isWritable ? Self.deviceWritable : 0), nextDescriptor)
    }
    return request
  }

  /// Lays out a request in an indirect table, which may lie at an odd address.
  package func placeIndirect(_ segments: [Segment], misalignedBy shift: UInt64 = 0) throws
    -> Request
  {
    var request = Request(head: nextDescriptor, writable: [], descriptors: [nextDescriptor])
    let table = allocate(16 * segments.count + Int(shift)).rawValue + shift
    for (index, segment) in segments.enumerated() {
      let (address, count, isWritable) = try place(segment)
      if isWritable { request.writable.append((address, count)) }
      let more = index + 1 < segments.count
      let bytes = Self.encode(
        address.rawValue, UInt32(count),
        (more ? Self.hasNext : 0) | (isWritable ? Self.deviceWritable : 0), UInt16(index + 1))
      try memory.write(bytes, at: GuestAddress(table + 16 * UInt64(index)))
    }
    try setDescriptor(
      nextDescriptor, table, UInt32(16 * segments.count), Self.indirect, 0)
    nextDescriptor = (nextDescriptor + 1) % size
    return request
  }

  /// Offers a chain to the device.
  package func offer(_ head: UInt16) throws {
    let slot = availableRing.rawValue + 4 + 2 * UInt64(availableIndex % size)
    try memory.store(head, at: GuestAddress(slot))
    availableIndex &+= 1
    try memory.store(availableIndex, at: GuestAddress(availableRing.rawValue + 2))
  }

  /// Lays out and offers.
  @discardableResult
  package func submit(_ segments: [Segment]) throws -> Request {
    let request = try place(segments)
    try offer(request.head)
    return request
  }

  /// The answers that were not looked at before.
  package func collect() throws -> [Used] {
    let index = try memory.loadUInt16(at: GuestAddress(usedRing.rawValue + 2))
    var result: [Used] = []
    while seenUsed != index {
      let slot = usedRing.rawValue + 4 + 8 * UInt64(seenUsed % size)
      result.append(
        Used(
          head: try memory.loadUInt32(at: GuestAddress(slot)),
          length: try memory.loadUInt32(at: GuestAddress(slot + 4))))
      seenUsed &+= 1
    }
    return result
  }

  /// The bytes in the writable part of a request.
  package func output(_ request: Request) throws -> [UInt8] {
    try request.writable.flatMap { try memory.bytes(at: $0.address, count: $0.count) }
  }

  // MARK: Words

  package func setDescriptor(
    _ index: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16, _ next: UInt16 = 0
  ) throws {
    try memory.write(
      Self.encode(address, length, flags, next),
      at: GuestAddress(descriptorTable.rawValue + 16 * UInt64(index)))
  }

  package func setAvailableIndex(_ index: UInt16) throws {
    availableIndex = index
    try memory.store(index, at: GuestAddress(availableRing.rawValue + 2))
  }

  package func setAvailableFlags(_ flags: UInt16) throws {
    try memory.store(flags, at: availableRing)
  }

  package func setUsedEvent(_ index: UInt16) throws {
    try memory.store(index, at: GuestAddress(availableRing.rawValue + 4 + 2 * UInt64(size)))
  }

  package var usedFlags: UInt16 { get throws { try memory.loadUInt16(at: usedRing) } }

  package var usedIndex: UInt16 {
    get throws { try memory.loadUInt16(at: GuestAddress(usedRing.rawValue + 2)) }
  }

  package var availableEvent: UInt16 {
    get throws {
      try memory.loadUInt16(at: GuestAddress(usedRing.rawValue + 4 + 8 * UInt64(size)))
    }
  }

  /// Room for a buffer, in turns through the data area.
  package func allocate(_ count: Int) -> GuestAddress {
    let rounded = (UInt64(count) + 15) & ~15
    if dataCursor + rounded > dataEnd { dataCursor = dataStart }
    defer { dataCursor += rounded }
    return GuestAddress(dataCursor)
  }

  private func place(_ segment: Segment) throws -> (GuestAddress, Int, Bool) {
    switch segment {
    case .readable(let bytes):
      let address = allocate(bytes.count)
      try memory.write(bytes, at: address)
      return (address, bytes.count, false)
    case .writable(let count):
      let address = allocate(count)
      // What the device does not write is seen by this.
      try memory.write([UInt8](repeating: 0xee, count: count), at: address)
      return (address, count, true)
    }
  }

  package static func encode(
    _ address: UInt64, _ length: UInt32, _ flags: UInt16, _ next: UInt16
  ) -> [UInt8] {
    littleEndian(address) + littleEndian(length) + littleEndian(flags) + littleEndian(next)
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
