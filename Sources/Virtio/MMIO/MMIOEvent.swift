/// What a transport counts: what its driver did that a device must survive, and what it was told.
package enum MMIOEvent: Int, CaseIterable, Hashable, Sendable {
  /// An access that is not an aligned one of 32 bits, or in the configuration space not one of 1,
  /// 2, 4 or 8 bytes.
  case badAccess
  /// An access to an offset where there is no register.
  case unknownRegister
  /// A write to a register that can only be read.
  case readOnlyWrite
  /// A read of a register that can only be written.
  case writeOnlyRead
  /// A write to the status that was out of order.
  case refusedStatus
  /// A try to accept features that was refused.
  case refusedFeatures
  /// A write of features when it was not their time.
  case ignoredFeatures
  /// A write to a queue that was in use, does not exist, or when it was not its time.
  case ignoredQueueWrite
  /// A queue that was to be enabled with a bad size, or with rings that are not in memory.
  case refusedQueue
  /// A notification of a queue that does not exist or is not enabled.
  case strayNotification
  /// A notification before the driver was ready, to be served once it is.
  case earlyNotification
  /// A notification that came as a register write.
  case notification
  /// A write to the configuration space that the device did not take.
  case refusedConfigurationWrite
  /// The driver became ready.
  case activation
  /// The driver reset the device.
  case reset
  /// The driver reset one queue.
  case queueReset
  /// The driver gave up.
  case driverFailure
  /// The device began to need a reset, and the driver was told.
  case needsReset
  /// Interrupts for used buffers.
  case usedInterrupt
  /// Interrupts for changes of the configuration, and for the need of a reset.
  case configurationInterrupt
  /// Acknowledgements of interrupts.
  case acknowledgement
}
