/// What came of one turn of work on a queue.
package struct ServiceOutcome: Sendable {
  /// The driver wants to be interrupted.
  package var interrupt = false
  /// Something was taken, answered or given up.
  package var progress = false
  /// There is more to do: call again, without waiting for a notification.
  package var more = false
  /// The driver broke the rules in this turn, and the device has just begun to need a reset.
  ///
  /// Said once; until the reset, further turns do nothing.
  package var failure: QueueError?

  /// Nothing happened.
  package init() {}
}

/// Why a queue gets a turn.
package enum ServiceCause: Sendable {
  /// The driver notified the device.
  case notification
  /// The last turn left work, or the transport wants to be sure that nothing waits.
  case continuation
  /// The queue's wake descriptor became readable.
  case wake
}

/// Whom a device tells, outside of any turn, that its driver must look at the configuration again.
///
/// May be called on any thread, also within a turn.
package protocol ConfigurationObserver: AnyObject, Sendable {
  /// The configuration space has changed, or the device has begun to need a reset.
  ///
  /// The device's generation has been raised already when the space has changed.
  func configurationChanged()
}

/// A virtio device without its transport: what virtio-mmio and vhost-user both drive.
///
/// Any thread may call; calls for one queue exclude each other. The transport owns the negotiation
/// with the driver and the interrupt lines, the device owns the work.
package protocol VirtioDevice: AnyObject, Sendable {
  /// The device type's number (virtio 1.2, 5): 2 is a block device.
  var deviceType: UInt32 { get }
  /// Number of queues; fixed.
  var queueCount: Int { get }
  /// The largest size of each queue; a power of two.
  var maximumQueueSize: UInt16 { get }
  /// All features that the device has.
  var offeredFeatures: VirtioFeatures { get }
  /// Whether the driver broke the rules and nothing goes on before a reset.
  var needsReset: Bool { get }

  /// Raised with each change of the configuration space that the driver did not make (virtio 1.2,
  /// 2.5.1); never goes back, not even by a reset.
  var configurationGeneration: UInt32 { get }
  /// Takes the transport to tell of changes, in place of the one before, or none.
  func observeConfiguration(_ observer: (any ConfigurationObserver)?)
  /// What becomes readable when the queue wants a turn of its own accord, for instance because an
  /// operation of the host is done or a pause of a throttle is over; nil when that never happens.
  ///
  /// The descriptor stays the same, and the device drains it in the turn.
  func wakeDescriptor(ofQueue index: Int) -> CInt?

  /// Bytes of the configuration space; zero where there is none.
  func configuration(at offset: Int, count: Int) -> [UInt8]
  /// Takes a driver's write to the configuration space; false where that is not allowed.
  func writeConfiguration(_ bytes: [UInt8], at offset: Int) -> Bool
  /// Takes the driver's choice of features; false, and no change, when one was not offered.
  func acceptFeatures(_ features: VirtioFeatures) -> Bool
  /// Begins to use a queue, in place of the one with this index that it had.
  func startQueue(_ index: Int, _ queue: consuming SplitQueue)
  /// Ends the use of a queue once its requests are done; its next available and next used index, or
  /// nil when it was not in use.
  func stopQueue(_ index: Int) -> QueuePosition?
  /// Does a bounded amount of work on a queue.
  func service(queue index: Int, cause: ServiceCause) -> ServiceOutcome
  /// The same, by a caller who may look again soon without being told: with `staysAwake` the driver
  /// is not asked for notifications. A turn without it must follow before the caller sleeps.
  func service(queue index: Int, cause: ServiceCause, staysAwake: Bool) -> ServiceOutcome
  /// Goes back to the state before negotiation; counters stay.
  func reset()
  /// Ends waits of the device's own making, now and from now on, so that a thread in `service`
  /// comes back soon.
  func prepareToStop()
}

/// Where a queue stood when it was stopped.
package struct QueuePosition: Hashable, Sendable {
  /// Index of the next chain to take.
  package let nextAvailable: UInt16
  /// Index of the next used element.
  package let nextUsed: UInt16
  /// The driver wants to be interrupted for what was answered as the queue was stopped.
  package var wantsInterrupt = false
}

extension VirtioDevice {
  package var configurationGeneration: UInt32 { 0 }
  package func observeConfiguration(_ observer: (any ConfigurationObserver)?) {}
  package func wakeDescriptor(ofQueue index: Int) -> CInt? { nil }
  package func service(
    queue index: Int, cause: ServiceCause, staysAwake: Bool
  ) -> ServiceOutcome {
    service(queue: index, cause: cause)
  }
}
