/// What a console device counts for each port.
package enum ConsolePortEvent: Int, CaseIterable, Hashable, Sendable {
  /// Bytes from the guest that the sink took.
  case bytesOut
  /// Bytes that were put into the guest's buffers.
  case bytesIn
  /// Buffers of the guest's that were written out whole.
  case buffersOut
  /// Buffers of the guest's that were handed back with bytes.
  case buffersIn
  /// Times that the sink refused, and the guest had to wait.
  case outputBlocked
  /// Bytes from the guest that nobody takes: there is no sink, or it is closed.
  case bytesDiscarded
  /// Buffers that go the wrong way, handed back as they came.
  case malformedBuffer
  /// Emergency bytes that the sink took.
  case emergencyByte
  /// Emergency bytes that the sink could not take.
  case emergencyRefused
  /// Times that the guest opened the port.
  case opened
  /// Times that the guest closed it.
  case closed
  /// Times that the host side closed.
  case hostClosed
}

/// What a console device counts as a whole.
package enum ConsoleEvent: Int, CaseIterable, Hashable, Sendable {
  /// Control messages from the driver, good or bad.
  case controlReceived
  /// Control messages to the driver.
  case controlSent
  /// A control message shorter than its header.
  case shortMessage
  /// A control message with more than its header; the rest is not looked at.
  case oversizedMessage
  /// A control message about a port that the device never had.
  case unknownPort
  /// A control message that means nothing, or that only a device sends.
  case unknownEvent
  /// A control message about a port that the driver was not told of, or is not ready for.
  case unexpectedMessage
  /// A control message that changes nothing, because it came before.
  case repeatedMessage
  /// The driver said that it failed.
  case driverFailure
  /// The driver said that it failed with a port.
  case portFailure
  /// A control buffer too small for the message, handed back empty.
  case smallControlBuffer
  /// A control buffer that goes the wrong way, handed back as it came.
  case malformedControlBuffer
  /// Times that the driver broke the rules of a queue and the device began to need a reset.
  case queueError
  /// Notifications from the driver.
  case notification
  /// Times that the driver was interrupted.
  case interruptSent
  /// Batches of answers for which the driver did not want to be interrupted.
  case interruptSuppressed
}
