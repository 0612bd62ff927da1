package import GuestMemory

/// A queue in use as a value: what a device saves when it stops, and goes on from elsewhere.
package struct QueueState: Hashable, Sendable {
  /// How the driver set the queue up.
  package var configuration: QueueConfiguration
  /// Those of the driver's features that concern a queue.
  package var features: VirtioFeatures
  /// Index of the next chain to take.
  package var nextAvailable: UInt16
  /// Index of the next used element.
  package var nextUsed: UInt16
  /// Answers were published of which it was not yet asked whether they call for an interrupt.
  package var owesInterrupt: Bool
  /// Requests taken and not published as used, in the order in which they were taken.
  package var inFlight: [UInt16]

  /// The features that a queue's work depends on.
  package static let relevantFeatures: VirtioFeatures = [.eventIndex, .indirectDescriptors]

  /// Describes a queue; what is wrong with it shows when it is started.
  package init(
    _ configuration: QueueConfiguration, features: VirtioFeatures, nextAvailable: UInt16,
    nextUsed: UInt16, owesInterrupt: Bool = false, inFlight: [UInt16] = []
  ) {
    self.configuration = configuration
    self.features = features.intersection(Self.relevantFeatures)
    self.nextAvailable = nextAvailable
    self.nextUsed = nextUsed
    self.owesInterrupt = owesInterrupt
    self.inFlight = inFlight
  }
}

extension SplitQueue {
  /// Where the queue stands.
  ///
  /// Answers that are staged and not published count as requests in flight: they are done again.
  package var state: QueueState {
    var features: VirtioFeatures = []
    if usesEventIndex { features.insert(.eventIndex) }
    if usesIndirect { features.insert(.indirectDescriptors) }
    return QueueState(
      configuration, features: features, nextAvailable: nextAvailable, nextUsed: nextUsed,
      owesInterrupt: unsignalledCount > 0, inFlight: ledger.heldHeads())
  }

  /// Goes on with a queue that was saved; the requests in flight come again first.
  ///
  /// - Throws: ``QueueError/notReady``, `misaligned`, `ringUnmapped`; `headOutOfRange`, `headReused`
  ///   for requests in flight that cannot be.
  package init(restoring state: QueueState, in memory: GuestMemoryMap) throws(QueueError) {
    let rings = try RingMemory(state.configuration, in: memory)
    let start = Start(
      nextAvailable: state.nextAvailable, nextUsed: state.nextUsed, heads: state.inFlight)
    try self.init(state.configuration, memory, state.features, rings, start, nil)
    // The first answer interrupts anyway; this is for the case that none follows.
    unsignalledCount = state.owesInterrupt ? 1 : 0
  }
}
