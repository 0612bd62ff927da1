import GuestMemory
import Synchronization
import Virtio

/// A driver's rings as bare host memory, for benchmarks that fill them between two measurements.
///
/// Any thread may use it; two at once only for the index words, which are atomic.
///
/// Bounds proof: the rings were located as a whole when this was made, and every index is masked.
/// The driver, and with it the memory, is kept alive.
@safe
package struct RawRings: @unchecked Sendable {
  private let driver: MockDriver
  private let mask: Int
  private let descriptors: UnsafeMutableRawPointer
  private let available: UnsafeMutableRawPointer
  private let used: UnsafeMutableRawPointer

  /// Locates the rings of a driver whose size is a power of two.
  package init(_ driver: MockDriver) throws {
    let configuration = try driver.configuration()
    func locate(_ ring: QueueError.Ring) throws -> UnsafeMutableRawPointer? {
      unsafe try driver.memory.unsafeHostRange(
        at: configuration.address(of: ring), count: configuration.byteCount(of: ring)
      ).baseAddress
    }
    guard let descriptors = unsafe try locate(.descriptorTable),
      let available = unsafe try locate(.availableRing), let used = unsafe try locate(.usedRing)
    else { throw QueueError.notReady }
    self.driver = driver
    self.mask = Int(driver.size) - 1
    unsafe self.descriptors = descriptors
    unsafe self.available = available
    unsafe self.used = used
  }

  /// Writes one descriptor.
  package func setDescriptor(
    _ index: Int, _ address: UInt64, _ length: UInt32, _ flags: UInt16, _ next: UInt16
  ) {
    let slot = unsafe descriptors + (index & mask) * 16
    unsafe slot.storeBytes(of: address.littleEndian, as: UInt64.self)
    unsafe (slot + 8).storeBytes(of: length.littleEndian, as: UInt32.self)
    unsafe (slot + 12).storeBytes(of: flags.littleEndian, as: UInt16.self)
    unsafe (slot + 14).storeBytes(of: next.littleEndian, as: UInt16.self)
  }

  /// Writes one slot of the available ring.
  package func setHead(_ head: UInt16, at slot: Int) {
    unsafe (available + 4 + (slot & mask) * 2).storeBytes(of: head.littleEndian, as: UInt16.self)
  }

  /// Offers what stands in the available ring up to an index.
  package func setAvailableIndex(_ index: UInt16) {
    unsafe word(available + 2).pointee.store(index.littleEndian, ordering: .releasing)
  }

  /// What the device has published.
  package var usedIndex: UInt16 {
    UInt16(littleEndian: unsafe word(used + 2).pointee.load(ordering: .acquiring))
  }

  /// Wishes to be interrupted at an answer.
  package func setUsedEvent(_ index: UInt16) {
    let place = unsafe available + 4 + 2 * (mask + 1)
    unsafe word(place).pointee.store(index.littleEndian, ordering: .relaxed)
  }

  @unsafe private func word(_ place: UnsafeMutableRawPointer) -> UnsafePointer<Atomic<UInt16>> {
    unsafe UnsafePointer(place.assumingMemoryBound(to: Atomic<UInt16>.self))
  }
}
