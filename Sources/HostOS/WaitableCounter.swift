import CLinux
import Synchronization

/// A count that threads can wait on without a descriptor: a futex.
@safe
package final class WaitableCounter: @unchecked Sendable {
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  /// Starts at zero.
  package init() {
    unsafe word = .allocate(capacity: 1)
    unsafe word.initialize(to: Atomic(0))
  }

  deinit {
    unsafe word.deinitialize(count: 1)
    unsafe word.deallocate()
  }

  /// The count, which wraps; what was written before it was reached can be seen.
  package var value: UInt32 {
    unsafe word.pointee.load(ordering: .acquiring)
  }

  /// Adds one and wakes all who wait.
  package func advance() {
    unsafe _ = word.pointee.wrappingAdd(1, ordering: .releasing)
    unsafe ktstr_futex_wake(address)
  }

  /// Waits until the count is no longer `seen`; false when it still was at the deadline.
  ///
  /// Read ``value`` first, then look for what is waited for, then wait: an advance between is not
  /// missed.
  @discardableResult
  package func wait(past seen: UInt32, until deadline: MonotonicTime) -> Bool {
    while value == seen {
      let left = deadline.nanoseconds(since: .now())
      if left == 0 { return false }
      unsafe ktstr_futex_wait(address, seen, left)
    }
    return true
  }

  // An Atomic<UInt32> is the bytes of its word, which is what the kernel compares.
  private var address: UnsafePointer<UInt32> {
    unsafe UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self)
  }
}
