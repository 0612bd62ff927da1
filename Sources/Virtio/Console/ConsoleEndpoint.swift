/// What came of moving bytes between a port and its host side.
package enum ConsoleTransfer: Hashable, Sendable {
  /// That many bytes moved, at least one.
  case moved(Int)
  /// Nothing moved for now; the queue is woken when it is worth another try.
  case later
  /// Nothing will ever move again.
  case closed
}

/// Where the bytes go that the guest writes to a port.
///
/// It may refuse: then the guest's buffers wait in the queue, and the guest with them. What one port
/// is asked comes one at a time, but for the emergency byte, which may come on any thread.
package protocol ConsoleSink: AnyObject, Sendable {
  /// Takes some of the bytes from `offset` on, of which there is at least one.
  ///
  /// Whoever answers ``ConsoleTransfer/later`` wakes the queue later on, by a signal or by arming a
  /// descriptor.
  func take(
    _ buffers: inout ReadableBuffers, from offset: Int, wake: QueueWake
  ) -> ConsoleTransfer
  /// Takes one byte at once, out of turn; false when that is not possible.
  func takeEmergency(_ byte: UInt8) -> Bool
}

/// Where the bytes come from that the guest reads from a port.
package protocol ConsoleSource: AnyObject, Sendable {
  /// Puts bytes at the start of the buffers, which have room for at least one.
  ///
  /// Whoever answers ``ConsoleTransfer/later`` wakes the queue later on, by a signal or by arming a
  /// descriptor.
  func fill(_ buffers: inout WritableBuffers, wake: QueueWake) -> ConsoleTransfer
}
