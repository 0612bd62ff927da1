import Synchronization

/// Ends a vCPU's stay in the guest from another thread.
///
/// The vCPU leaves at its next entry; to make it leave a guest it is in, its thread needs a signal
/// as well, sent afterwards: whichever of entry and signal comes first, the kick is not lost.
package final class VCPUKicker: Sendable {
  /// The address of `immediate_exit`, zero once the vCPU is gone.
  private let address: Mutex<UInt>

  init(address: UInt) {
    self.address = Mutex(address)
  }

  /// Has the next `KVM_RUN` finish what the guest has begun and return at once.
  package func kick() {
    address.withLock { address in
      guard let byte = unsafe VCPUKicker.byte(at: address) else { return }
      unsafe byte.pointee.store(1, ordering: .releasing)
    }
  }

  /// Takes the kick back; on the vCPU's thread, before it looks at what the kick was for.
  ///
  /// An exchange, so that it sees everything that was written before the kick that it takes.
  func clear() {
    address.withLock { address in
      guard let byte = unsafe VCPUKicker.byte(at: address) else { return }
      unsafe _ = byte.pointee.exchange(0, ordering: .acquiringAndReleasing)
    }
  }

  /// Says that the page is about to go.
  func detach() {
    address.withLock { $0 = 0 }
  }

  @unsafe
  private static func byte(at address: UInt) -> UnsafePointer<Atomic<UInt8>>? {
    unsafe UnsafePointer<Atomic<UInt8>>(bitPattern: address)
  }
}
