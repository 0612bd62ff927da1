package import GuestMemory

/// What a driver says about a queue before using it: size and the addresses of its three rings.
package struct QueueConfiguration: Hashable, Sendable {
  /// The largest size that the device takes.
  package let maximumSize: UInt16
  /// Number of descriptors; a power of two.
  package private(set) var size: UInt16
  /// Whether the driver has enabled the queue.
  package var ready = false
  /// Where the descriptors are; a multiple of 16.
  package private(set) var descriptorTable = GuestAddress(0)
  /// Where the driver offers chains; a multiple of 2.
  ///
  /// Also called the driver area.
  package private(set) var availableRing = GuestAddress(0)
  /// Where the device returns chains; a multiple of 4.
  ///
  /// Also called the device area.
  package private(set) var usedRing = GuestAddress(0)

  /// Makes the state of a queue after reset.
  ///
  /// - Parameter maximumSize: a power of two, 32,768 at most.
  package init(maximumSize: UInt16) {
    precondition(
      maximumSize.nonzeroBitCount == 1 && maximumSize <= 32_768, "not a queue size: \(maximumSize)")
    self.maximumSize = maximumSize
    self.size = maximumSize
  }

  /// Takes sizes from a saved state, which may be garbage.
  ///
  /// - Throws: ``QueueError/invalidSize(_:maximum:)``.
  init(restoringMaximumSize maximumSize: UInt16, size: UInt16) throws(QueueError) {
    guard maximumSize.nonzeroBitCount == 1 else {
      throw .invalidSize(maximumSize, maximum: 32_768)
    }
    self.init(maximumSize: maximumSize)
    try setSize(size)
  }

  /// Takes the driver's choice of size; a bad one leaves the old.
  ///
  /// - Throws: ``QueueError/invalidSize(_:maximum:)``.
  package mutating func setSize(_ size: UInt16) throws(QueueError) {
    guard size.nonzeroBitCount == 1, size <= maximumSize else {
      throw .invalidSize(size, maximum: maximumSize)
    }
    self.size = size
  }

  /// Takes the address of one ring; a misaligned one leaves the old.
  ///
  /// - Throws: ``QueueError/misaligned(_:_:alignment:)``.
  package mutating func setAddress(
    _ address: GuestAddress, of ring: QueueError.Ring
  ) throws(QueueError) {
    let alignment = QueueConfiguration.alignment(of: ring)
    guard address.isAligned(to: UInt64(alignment)) else {
      throw .misaligned(ring, address, alignment: alignment)
    }
    switch ring {
    case .descriptorTable: descriptorTable = address
    case .availableRing: availableRing = address
    case .usedRing: usedRing = address
    }
  }

  /// Whether the driver has asked for a reset of this queue alone that is not complete yet
  /// (`VIRTIO_F_RING_RESET`, virtio 1.2, 2.6.1): what a transport shows as `QueueReset`.
  package private(set) var isResetting = false

  /// Begins a reset of this queue alone; until `reset` ends it, no queue can be made of this.
  package mutating func beginReset() {
    isResetting = true
  }

  /// Goes back to the state after reset, also from a reset of this queue alone.
  package mutating func reset() {
    self = QueueConfiguration(maximumSize: maximumSize)
  }

  /// Whether a queue can be made of this in the given memory.
  package func isValid(in memory: GuestMemoryMap) -> Bool {
    (try? RingMemory(self, in: memory)) != nil
  }

  /// The address of one ring.
  package func address(of ring: QueueError.Ring) -> GuestAddress {
    switch ring {
    case .descriptorTable: descriptorTable
    case .availableRing: availableRing
    case .usedRing: usedRing
    }
  }

  /// Bytes that a ring occupies (virtio 1.2, 2.7), its event word included.
  package func byteCount(of ring: QueueError.Ring) -> Int {
    switch ring {
    case .descriptorTable: 16 * Int(size)
    case .availableRing: 6 + 2 * Int(size)
    case .usedRing: 6 + 8 * Int(size)
    }
  }

  /// The alignment that the specification asks of a ring.
  package static func alignment(of ring: QueueError.Ring) -> Int {
    switch ring {
    case .descriptorTable: 16
    case .availableRing: 2
    case .usedRing: 4
    }
  }
}
