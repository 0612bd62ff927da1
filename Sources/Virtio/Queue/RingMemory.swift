import GuestMemory
import Synchronization

// The only file that touches the words of the rings; every function reads or writes each once.

/// One descriptor as it was when it was read (virtio 1.2, 2.7.5).
struct Descriptor {
  let address: UInt64
  let length: UInt32
  let flags: UInt16
  let next: UInt16

  static var byteCount: Int { @_noLocks get { 16 } }
  /// The flags of a descriptor that is neither indirect nor unknown.
  static var plainFlags: UInt16 { @_noLocks get { 3 } }

  /// Another descriptor follows.
  ///
  /// C name: `VIRTQ_DESC_F_NEXT`.
  var hasNext: Bool { @_noLocks get { flags & 1 != 0 } }
  /// The device may write the buffer, not read it.
  ///
  /// C name: `VIRTQ_DESC_F_WRITE`.
  var isWritable: Bool { @_noLocks get { flags & 2 != 0 } }
  /// The buffer is a table of descriptors.
  ///
  /// C name: `VIRTQ_DESC_F_INDIRECT`.
  var isIndirect: Bool { @_noLocks get { flags & 4 != 0 } }
  /// There are flags that a split queue does not have.
  var hasUnknownFlags: Bool { @_noLocks get { flags & ~7 != 0 } }

  /// Takes the two little-endian words that a descriptor consists of.
  @_noLocks
  @inline(__always)
  init(_ first: UInt64, _ second: UInt64) {
    address = UInt64(littleEndian: first)
    let rest = UInt64(littleEndian: second)
    length = UInt32(truncatingIfNeeded: rest)
    flags = UInt16(truncatingIfNeeded: rest >> 32)
    next = UInt16(truncatingIfNeeded: rest >> 48)
  }

  /// Reads the descriptor at an address that is a multiple of eight, each word once.
  @_noLocks
  @inline(__always)
  @unsafe init(loadingFrom base: UnsafeMutableRawPointer) {
    unsafe self.init(
      RingMemory.word64(base).pointee.load(ordering: .relaxed),
      RingMemory.word64(base + 8).pointee.load(ordering: .relaxed))
  }
}

/// The three rings of an active queue as host memory.
///
/// Bounds proof: `init` asks guest memory for each ring's full length inside one region and checks
/// the alignment on the host side. Every index is masked with `size - 1`, and the words after the
/// arrays (`used_event`, `avail_event`) are part of the lengths asked for. The memory map is kept
/// alive by the queue that owns this value.
@safe
struct RingMemory: @unchecked Sendable {
  let size: UInt16
  private let mask: Int
  private let descriptors: UnsafeMutableRawPointer
  private let available: UnsafeMutableRawPointer
  private let used: UnsafeMutableRawPointer

  init(_ configuration: QueueConfiguration, in memory: GuestMemoryMap) throws(QueueError) {
    guard configuration.ready, !configuration.isResetting else { throw .notReady }
    size = configuration.size
    mask = Int(configuration.size) - 1
    unsafe descriptors = try RingMemory.locate(.descriptorTable, configuration, memory)
    unsafe available = try RingMemory.locate(.availableRing, configuration, memory)
    unsafe used = try RingMemory.locate(.usedRing, configuration, memory)
  }

  @unsafe private static func locate(
    _ ring: QueueError.Ring, _ configuration: QueueConfiguration, _ memory: GuestMemoryMap
  ) throws(QueueError) -> UnsafeMutableRawPointer {
    let address = configuration.address(of: ring)
    let count = configuration.byteCount(of: ring)
    let alignment = QueueConfiguration.alignment(of: ring)
    guard address.isAligned(to: UInt64(alignment)) else {
      throw .misaligned(ring, address, alignment: alignment)
    }
    guard let base = unsafe try? memory.unsafeHostRange(at: address, count: count).baseAddress
    else { throw .ringUnmapped(ring, address, byteCount: count) }
    // A region may start at an odd place of a host page: atomics need the host side aligned too.
    guard UInt(bitPattern: base) & UInt(alignment - 1) == 0 else {
      throw .misaligned(ring, address, alignment: alignment)
    }
    return unsafe base
  }

  /// The word `desc[index]`.
  @_noLocks
  @inline(__always)
  func descriptor(at index: UInt16) -> Descriptor {
    unsafe Descriptor(loadingFrom: descriptors + (Int(index) & mask) &* Descriptor.byteCount)
  }

  /// The word `avail.flags`.
  @_noLocks
  @inline(__always)
  func loadAvailableFlags() -> UInt16 {
    UInt16(littleEndian: unsafe RingMemory.word16(available).pointee.load(ordering: .relaxed))
  }

  /// `avail.idx`; what the driver wrote before it is visible after this.
  @_noLocks
  @inline(__always)
  func loadAvailableIndex() -> UInt16 {
    UInt16(littleEndian: unsafe RingMemory.word16(available + 2).pointee.load(ordering: .acquiring))
  }

  /// The word `avail.ring[position mod size]`.
  @_noLocks
  @inline(__always)
  func availableHead(at position: UInt16) -> UInt16 {
    let slot = unsafe available + 4 + (Int(position) & mask) * 2
    return UInt16(littleEndian: unsafe RingMemory.word16(slot).pointee.load(ordering: .relaxed))
  }

  /// `avail.used_event`: the used index whose passing the driver wants to hear of.
  @_noLocks
  @inline(__always)
  func loadUsedEvent() -> UInt16 {
    let word = unsafe available + 4 + (mask + 1) * 2
    return UInt16(littleEndian: unsafe RingMemory.word16(word).pointee.load(ordering: .relaxed))
  }

  /// The word `used.flags`.
  @_noLocks
  @inline(__always)
  func storeUsedFlags(_ flags: UInt16) {
    unsafe RingMemory.word16(used).pointee.store(flags.littleEndian, ordering: .relaxed)
  }

  /// `used.idx`, read only when a queue is taken over.
  @_noLocks
  @inline(__always)
  func loadUsedIndex() -> UInt16 {
    UInt16(littleEndian: unsafe RingMemory.word16(used + 2).pointee.load(ordering: .relaxed))
  }

  /// `used.idx`; everything written before is visible to whoever sees it.
  @_noLocks
  @inline(__always)
  func storeUsedIndex(_ index: UInt16) {
    unsafe RingMemory.word16(used + 2).pointee.store(index.littleEndian, ordering: .releasing)
  }

  /// The word `used.ring[position mod size]`.
  @_noLocks
  @inline(__always)
  func storeUsedElement(at position: UInt16, head: UInt16, length: UInt32) {
    let slot = unsafe used + 4 + (Int(position) & mask) * 8
    unsafe RingMemory.word32(slot).pointee.store(UInt32(head).littleEndian, ordering: .relaxed)
    unsafe RingMemory.word32(slot + 4).pointee.store(length.littleEndian, ordering: .relaxed)
  }

  /// `used.avail_event`: the available index whose passing the device wants to hear of.
  @_noLocks
  @inline(__always)
  func storeAvailableEvent(_ index: UInt16) {
    let word = unsafe used + 4 + (mask + 1) * 8
    unsafe RingMemory.word16(word).pointee.store(index.littleEndian, ordering: .relaxed)
  }

  @_noLocks
  @inline(__always)
  @unsafe static func word8(
    _ address: UnsafeMutableRawPointer
  ) -> UnsafePointer<Atomic<UInt8>> {
    unsafe UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt8>.self))
  }

  @_noLocks
  @inline(__always)
  @unsafe static func word16(
    _ address: UnsafeMutableRawPointer
  ) -> UnsafePointer<Atomic<UInt16>> {
    unsafe UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt16>.self))
  }

  @_noLocks
  @inline(__always)
  @unsafe static func word32(
    _ address: UnsafeMutableRawPointer
  ) -> UnsafePointer<Atomic<UInt32>> {
    unsafe UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  @_noLocks
  @inline(__always)
  @unsafe static func word64(
    _ address: UnsafeMutableRawPointer
  ) -> UnsafePointer<Atomic<UInt64>> {
    unsafe UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt64>.self))
  }
}
