import CUring
package import Glibc
import SystemPackage

/// A submission and a completion queue shared with the kernel, for one file (io_uring).
///
/// One caller at a time. What a prepared operation points to stays in place until its completion
/// was taken. Operations that were prepared go to the kernel with the next `submit`.
@safe
package struct Uring: ~Copyable, @unchecked Sendable {
  private let ring: OpaquePointer
  private let completionEvent: EventFD
  /// Prepared operations that the kernel has not taken.
  package private(set) var preparedCount = 0
  /// Operations at the kernel whose completions were not taken.
  package private(set) var inFlightCount = 0

  /// An operation that is done.
  package struct Completion: Sendable {
    /// What the operation was given.
    package let token: UInt64
    /// Count of bytes or zero, or minus the errno.
    package let result: Int
  }

  /// Sets up the queues, with the one file registered.
  ///
  /// - Parameters:
  ///   - entries: operations prepared at once, at most 4,096.
  ///   - file: the file of all operations; the kernel keeps it open for this.
  /// - Throws: ``SystemCallError`` from `io_uring_setup`, `io_uring_register` or `eventfd`:
  ///   `ENOSYS` and `EPERM` where the kernel or its administrator has no io_uring.
  package init(entries: Int, file: CInt) throws(SystemCallError) {
    let event = try EventFD()
    var made: OpaquePointer?
    var isSetup = true
    let code = unsafe ktstr_uring_create(
      &made, UInt32(max(1, min(entries, 4096))), file, event.raw, &isSetup)
    guard let made = unsafe made, code == 0 else {
      throw SystemCallError(
        isSetup ? "io_uring_setup" : "io_uring_register", Errno(rawValue: -code))
    }
    unsafe ring = made
    completionEvent = event
  }

  deinit {
    unsafe ktstr_uring_destroy(ring)
  }

  /// Readable when an operation completed while completions are announced, until drained.
  package var completionDescriptor: CInt { completionEvent.raw }

  /// Forgets what was announced.
  package func drainEvent() {
    _ = completionEvent.drain()
  }

  /// Says whether completions shall make the descriptor readable.
  ///
  /// Those that came while they were not announced are never announced: look for them after this.
  package func announceCompletions(_ enabled: Bool) {
    unsafe ktstr_uring_announce(ring, enabled)
  }

  /// Prepares a read into buffers; false when there is no room.
  @unsafe package mutating func read(
    _ buffers: UnsafePointer<iovec>, count: Int, at offset: UInt64, token: UInt64
  ) -> Bool {
    unsafe note(
      ktstr_uring_transfer(
        ring, KTSTR_URING_READ, buffers, UInt32(min(count, VectoredIO.limit)), offset, 0, token))
  }

  /// Prepares a write from buffers; false when there is no room.
  ///
  /// - Parameter stable: whether the bytes must be on stable storage before it is done.
  @unsafe package mutating func write(
    _ buffers: UnsafePointer<iovec>, count: Int, at offset: UInt64, stable: Bool, token: UInt64
  ) -> Bool {
    unsafe note(
      ktstr_uring_transfer(
        ring, KTSTR_URING_WRITE, buffers, UInt32(min(count, VectoredIO.limit)), offset,
        VectoredIO.writeFlags(stable: stable), token))
  }

  /// Prepares making the data of all completed writes stable; false when there is no room.
  package mutating func synchronizeData(token: UInt64) -> Bool {
    note(unsafe ktstr_uring_manage(ring, KTSTR_URING_SYNC_DATA, 0, 0, 0, token))
  }

  /// Prepares making a range read as zero; false when there is no room.
  package mutating func clear(
    at offset: UInt64, count: UInt64, _ clearing: VectoredIO.Clearing, token: UInt64
  ) -> Bool {
    note(unsafe ktstr_uring_manage(ring, KTSTR_URING_ALLOCATE, clearing.mode, offset, count, token))
  }

  /// Hands all prepared operations to the kernel; false when it did not take all of them now.
  ///
  /// Then try again after taking completions, or after a pause.
  @discardableResult
  package mutating func submit() -> Bool {
    while preparedCount > 0 {
      let taken = unsafe Int(ktstr_uring_submit(ring))
      if taken == -Int(EINTR) { continue }
      guard taken > 0 else { return false }
      preparedCount -= min(preparedCount, taken)
      inFlightCount += taken
    }
    return true
  }

  /// Takes the next completion, without waiting; nil when there is none.
  package mutating func nextCompletion() -> Completion? {
    var token: UInt64 = 0
    var result: CInt = 0
    guard inFlightCount > 0, unsafe ktstr_uring_next(ring, &token, &result) else { return nil }
    inFlightCount -= 1
    return Completion(token: token, result: Int(result))
  }

  /// Waits for a completion, but does not take it; false when none came in time.
  package func waitForCompletion(until deadline: MonotonicTime) -> Bool {
    while true {
      let left = deadline.nanoseconds(since: .now())
      let code = unsafe ktstr_uring_wait(ring, left)
      if code == 0 { return true }
      guard code == -EINTR || code == -EAGAIN, left > 0 else { return false }
    }
  }

  private mutating func note(_ prepared: Bool) -> Bool {
    if prepared { preparedCount += 1 }
    return prepared
  }
}
