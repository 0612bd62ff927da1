package import HostOS
import Synchronization

/// A disk as the virtio specification describes it (1.2, 5.2), for any transport.
///
/// Requests are taken on the thread that calls `service`, in the order of the available ring, and
/// their data moves straight between the file and guest memory.
package final class BlockDevice: VirtioDevice {
  /// How it presents itself.
  package let options: BlockOptions
  package let offeredFeatures: VirtioFeatures
  /// The bytes behind it.
  package let backing: BlockBacking
  /// Who moves them.
  package let engine: BlockEngineKind
  /// Why io_uring was asked for and is not used; nil when it was not refused.
  package let engineRefusal: SystemCallError?

  let queues: [BlockQueue]
  let throttle = Throttle()
  private let limits: BlockLimits
  private let sectors: Atomic<UInt64>
  private let broken = Atomic<Bool>(false)
  private let accepted = Atomic<UInt64>(0)
  private let writeback = Atomic<Bool>(true)
  private let generation = Atomic<UInt32>(0)
  private let resizing = Mutex(())
  private let observer = Mutex<(any ConfigurationObserver)?>(nil)

  /// Makes a disk of what is in the backing; bytes after the last whole sector are not part of it.
  package init(backing: BlockBacking, options: BlockOptions = BlockOptions()) {
    BlockDevice.check(options)
    self.backing = backing
    self.options = options
    sectors = Atomic(backing.byteCount / UInt64(BlockFraming.sectorSize))
    offeredFeatures = BlockDevice.features(backing, options)
    limits = BlockLimits(
      segments: Int(options.maximumSegments),
      segmentSize: options.maximumSegmentSize.map(Int.init) ?? .max,
      discardSectors: options.maximumDiscardSectors,
      discardSegments: Int(options.maximumDiscardSegments),
      zeroSectors: options.maximumWriteZeroesSectors,
      zeroSegments: Int(options.maximumWriteZeroesSegments))
    let name = Array(options.identity.utf8.prefix(BlockFraming.identitySize))
    let identity = name + Array(repeating: 0, count: BlockFraming.identitySize - name.count)
    var made: [BlockQueue] = []
    var refusal: SystemCallError?
    for _ in 0..<options.queueCount where refusal == nil {
      do throws(SystemCallError) {
        let ring = try BlockDevice.makeRing(backing, options)
        made.append(BlockQueue(ring, backing, options, identity: identity))
      } catch {
        refusal = error
      }
    }
    if refusal != nil {
      // All queues alike: one engine for a device is what the counters are read by.
      made = (0..<options.queueCount).map { _ in
        BlockQueue(nil, backing, options, identity: identity)
      }
    }
    queues = made
    engineRefusal = refusal
    engine = refusal == nil && BlockDevice.wantsRing(backing, options) ? .ioUring : .synchronous
    throttle.set(options.throttle, at: MonotonicTime.now().nanoseconds)
  }

  package var deviceType: UInt32 { 2 }
  package var queueCount: Int { queues.count }
  package var maximumQueueSize: UInt16 { options.maximumQueueSize }
  package var needsReset: Bool { broken.load(ordering: .acquiring) }
  package var configurationGeneration: UInt32 { generation.load(ordering: .acquiring) }

  /// Size in units of 512 bytes, as the driver is told.
  package var sectorCount: UInt64 { sectors.load(ordering: .acquiring) }

  /// The features that the driver took.
  package var acceptedFeatures: VirtioFeatures {
    VirtioFeatures(rawValue: accepted.load(ordering: .acquiring))
  }

  /// Whether writes are stable only after a flush (virtio 1.2, 5.2.5.1).
  package var cachesWrites: Bool {
    let features = acceptedFeatures
    guard features.contains(.blockWriteCache) else { return features.contains(.blockFlush) }
    return writeback.load(ordering: .acquiring)
  }

  package func observeConfiguration(_ observer: (any ConfigurationObserver)?) {
    self.observer.withLock { $0 = observer }
  }

  package func wakeDescriptor(ofQueue index: Int) -> CInt? {
    queues.indices.contains(index) ? queues[index].wakeDescriptor : nil
  }

  package func configuration(at offset: Int, count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    let space = BlockConfigurationSpace.encode(
      sectors: sectorCount, writeback: writeback.load(ordering: .acquiring),
      mayUnmap: backing.canPunchHoles, options)
    return (0..<count).map { index in
      let (place, overflow) = offset.addingReportingOverflow(index)
      return !overflow && space.indices.contains(place) ? space[place] : 0
    }
  }

  package func writeConfiguration(_ bytes: [UInt8], at offset: Int) -> Bool {
    // The one writable byte; 0 and 1 are its only values.
    guard offset == BlockConfigurationSpace.writebackOffset, bytes.count == 1, bytes[0] <= 1,
      acceptedFeatures.contains(.blockWriteCache)
    else { return false }
    writeback.store(bytes[0] == 1, ordering: .releasing)
    return true
  }

  package func acceptFeatures(_ features: VirtioFeatures) -> Bool {
    guard features.isSubset(of: offeredFeatures) else { return false }
    accepted.store(features.rawValue, ordering: .releasing)
    // A driver that cannot flush must not find a cache.
    writeback.store(features.contains(.blockFlush), ordering: .releasing)
    return true
  }

  package func startQueue(_ index: Int, _ queue: consuming SplitQueue) {
    guard queues.indices.contains(index) else { return }
    _ = end(index, discarding: false)
    queues[index].start(queue)
  }

  package func stopQueue(_ index: Int) -> QueuePosition? {
    guard queues.indices.contains(index), let end = end(index, discarding: false) else {
      return nil
    }
    return end.position
  }

  package func reset() {
    for index in queues.indices { _ = end(index, discarding: true) }
    accepted.store(0, ordering: .releasing)
    writeback.store(true, ordering: .releasing)
    broken.store(false, ordering: .releasing)
  }

  package func prepareToStop() {
    backing.cancelDelays()
    throttle.set(nil, at: 0)
    for queue in queues { queue.nudge() }
  }

  /// Sets how fast the driver may be served from now on, with full buckets; nil is as fast as it
  /// goes.
  package func setThrottle(_ limits: ThrottleLimits?) {
    throttle.set(limits, at: MonotonicTime.now().nanoseconds)
    for queue in queues { queue.nudge() }
  }

  /// Gives the disk another size and tells the driver; bytes after the last whole sector are not
  /// part of it.
  ///
  /// What is added reads as zero. Requests that were taken before a cut may fail.
  ///
  /// - Throws: ``SystemCallError`` from `ftruncate` or `mmap`; the size is as before then.
  package func resize(to byteCount: UInt64) throws(SystemCallError) {
    let isNew = try resizing.withLock { _ throws(SystemCallError) in
      try changeSize(to: byteCount)
    }
    guard isNew else { return }
    generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
    notifyObserver()
  }

  private func changeSize(to byteCount: UInt64) throws(SystemCallError) -> Bool {
    let new = byteCount / UInt64(BlockFraming.sectorSize)
    let old = sectorCount
    if new < old {
      // Nothing is taken beyond the new end any more, and then nobody is there any more.
      sectors.store(new, ordering: .releasing)
      for queue in queues { queue.waitForTurn() }
    }
    do throws(SystemCallError) {
      try backing.resize(to: byteCount)
    } catch {
      sectors.store(old, ordering: .releasing)
      throw error
    }
    sectors.store(new, ordering: .releasing)
    return new != old
  }

  /// Everything counted so far.
  ///
  /// Never waits for the thread that does the work; numbers that belong together may be a request
  /// apart.
  package func counters() -> BlockCounters {
    BlockCounters(queues.lazy.map(\.counters))
  }

  /// What one queue counted so far.
  package func counters(ofQueue index: Int) -> BlockCounters {
    BlockCounters(queues.indices.contains(index) ? [queues[index].counters] : [])
  }

  /// Requests of a queue that were taken and not answered when it was last looked at.
  package func inFlightCount(ofQueue index: Int) -> Int {
    queues.indices.contains(index) ? Int(queues[index].counters.cells.current(.inFlight)) : 0
  }

  /// How the durations of requests were distributed so far.
  package func histograms() -> BlockHistograms {
    var result = BlockHistograms()
    for queue in queues { result.add(queue.counters.cells) }
    return result
  }

  package func service(queue index: Int, cause: ServiceCause) -> ServiceOutcome {
    service(queue: index, cause: cause, staysAwake: false)
  }

  package func service(
    queue index: Int, cause: ServiceCause, staysAwake: Bool
  ) -> ServiceOutcome {
    guard queues.indices.contains(index) else { return ServiceOutcome() }
    var turn = turn(of: index)
    turn.staysAwake = staysAwake
    var outcome = queues[index].service(turn, cause)
    if let failure = outcome.failure {
      // Another queue of the device may have been first to say so.
      outcome.failure = noteBroken() ? failure : nil
    }
    return outcome
  }

  private func turn(of index: Int) -> BlockTurn {
    let features = acceptedFeatures
    return BlockTurn(
      queue: index, sectorCount: sectorCount, writesThrough: !cachesWrites,
      isReadOnly: backing.isReadOnly, acceptsDiscard: features.contains(.blockDiscard),
      acceptsWriteZeroes: features.contains(.blockWriteZeroes), limits: limits,
      isBroken: broken.load(ordering: .acquiring), throttle: throttle.isActive ? throttle : nil)
  }

  private func end(_ index: Int, discarding: Bool) -> BlockQueueEnd? {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: options.stopNanoseconds)
    let end = queues[index].stop(turn(of: index), discarding: discarding, until: deadline)
    if let end, end.abandoned > 0 {
      queues[index].counters.cells.add(.abandoned, UInt64(end.abandoned))
      // The driver waits for answers that it will not get.
      if !discarding { _ = noteBroken() }
    }
    return end
  }

  /// Begins to need a reset; false when that was so already.
  private func noteBroken() -> Bool {
    guard !broken.exchange(true, ordering: .acquiringAndReleasing) else { return false }
    notifyObserver()
    return true
  }

  private func notifyObserver() {
    // Not called under the lock: it may ask for the configuration, or observe something else.
    observer.withLock { $0 }?.configurationChanged()
  }
}

extension BlockDevice {
  private static func check(_ options: BlockOptions) {
    func isPowerOfTwo(_ value: UInt32) -> Bool { value.nonzeroBitCount == 1 }
    precondition(options.queueCount > 0 && options.queueCount <= 256, "1 to 256 queues")
    precondition(
      options.blockSize >= 512 && isPowerOfTwo(options.blockSize),
      "a block size is a power of two, at least 512")
    precondition(isPowerOfTwo(options.physicalBlockSize), "a block size is a power of two")
    precondition((1...1024).contains(options.inFlightLimit), "1 to 1,024 requests in flight")
    precondition(
      (1...256).contains(options.maximumDiscardSegments)
        && (1...256).contains(options.maximumWriteZeroesSegments), "1 to 256 ranges")
  }

  private static func features(
    _ backing: BlockBacking, _ options: BlockOptions
  ) -> VirtioFeatures {
    var features: VirtioFeatures = [
      .version1, .eventIndex, .indirectDescriptors, .blockSegmentCount, .blockSize, .blockFlush,
      .blockTopology, .blockWriteCache,
    ]
    if options.maximumSegmentSize != nil { features.insert(.blockSegmentSize) }
    if options.queueCount > 1 { features.insert(.blockMultiQueue) }
    if backing.isReadOnly {
      features.insert(.blockReadOnly)
    } else {
      features.insert(.blockWriteZeroes)
      if backing.canPunchHoles { features.insert(.blockDiscard) }
    }
    return features
  }

  private static func wantsRing(_ backing: BlockBacking, _ options: BlockOptions) -> Bool {
    switch options.engine {
    case .automatic: backing.isDirect
    case .synchronous: false
    case .ioUring: true
    }
  }

  private static func makeRing(
    _ backing: BlockBacking, _ options: BlockOptions
  ) throws(SystemCallError) -> RingEngine? {
    guard wantsRing(backing, options) else { return nil }
    return try RingEngine(backing, capacity: options.inFlightLimit)
  }
}
