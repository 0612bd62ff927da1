import HostOS
import Synchronization

/// A disk as the virtio specification describes it (1.2, 5.2), for any transport.
///
/// Requests are carried out on the thread that calls `service`, one after the other in the order of
/// the available ring, straight between the file and guest memory.
package final class BlockDevice: VirtioDevice {
  /// How it presents itself.
  package let options: BlockOptions
  /// Size in units of 512 bytes.
  package let sectorCount: UInt64
  package let offeredFeatures: VirtioFeatures
  /// The bytes behind it.
  package let backing: BlockBacking

  let queues: [BlockQueue]
  let brokenFlag = Atomic<Bool>(false)
  private let accepted = Atomic<UInt64>(0)
  private let configurationSpace: [UInt8]
  let identity: [UInt8]

  /// Makes a disk of what is in the backing; bytes after the last whole sector are not part of it.
  package init(backing: BlockBacking, options: BlockOptions = BlockOptions()) {
    precondition(options.queueCount > 0 && options.queueCount <= 256, "1 to 256 queues")
    precondition(
      options.blockSize >= 512 && options.blockSize.nonzeroBitCount == 1,
      "a block size is a power of two, at least 512")
    self.backing = backing
    self.options = options
    sectorCount = backing.byteCount / UInt64(BlockRequestContext.sectorSize)
    var features: VirtioFeatures = [
      .version1, .eventIndex, .indirectDescriptors, .blockSegmentCount, .blockSize, .blockFlush,
    ]
    if options.maximumSegmentSize != nil { features.insert(.blockSegmentSize) }
    if backing.isReadOnly { features.insert(.blockReadOnly) }
    if options.queueCount > 1 { features.insert(.blockMultiQueue) }
    offeredFeatures = features
    configurationSpace = BlockConfigurationSpace.encode(sectors: sectorCount, options)
    let size = BlockRequestContext.identitySize
    identity =
      Array(options.identity.utf8.prefix(size))
      + Array(repeating: 0, count: max(0, size - options.identity.utf8.count))
    queues = (0..<options.queueCount).map { _ in BlockQueue() }
  }

  package var deviceType: UInt32 { 2 }
  package var queueCount: Int { queues.count }
  package var maximumQueueSize: UInt16 { options.maximumQueueSize }
  package var needsReset: Bool { brokenFlag.load(ordering: .acquiring) }

  /// The features that the driver took.
  package var acceptedFeatures: VirtioFeatures {
    VirtioFeatures(rawValue: accepted.load(ordering: .acquiring))
  }

  package func configuration(at offset: Int, count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    return (0..<count).map { index in
      let (place, overflow) = offset.addingReportingOverflow(index)
      return !overflow && configurationSpace.indices.contains(place) ? configurationSpace[place] : 0
    }
  }

  package func writeConfiguration(_ bytes: [UInt8], at offset: Int) -> Bool {
    // Only the write-back byte is writable, and CONFIG_WCE is not offered.
    false
  }

  package func acceptFeatures(_ features: VirtioFeatures) -> Bool {
    guard features.isSubset(of: offeredFeatures) else { return false }
    accepted.store(features.rawValue, ordering: .releasing)
    return true
  }

  package func startQueue(_ index: Int, _ queue: consuming SplitQueue) {
    queues[index].start(queue)
  }

  package func stopQueue(_ index: Int) -> QueuePosition? {
    queues[index].stop()
  }

  package func reset() {
    for queue in queues { _ = queue.stop() }
    accepted.store(0, ordering: .releasing)
    brokenFlag.store(false, ordering: .releasing)
  }

  package func prepareToStop() {
    backing.cancelDelays()
  }

  /// Everything counted so far.
  ///
  /// Never waits for the thread that does the work; numbers that belong together may be a request
  /// apart.
  package func counters() -> BlockCounters {
    var total = BlockCounters()
    for queue in queues { queue.counters.add(to: &total) }
    return total
  }

  package func service(queue index: Int, cause: ServiceCause) -> ServiceOutcome {
    service(queue: index, cause: cause, staysAwake: false)
  }

  package func service(
    queue index: Int, cause: ServiceCause, staysAwake: Bool
  ) -> ServiceOutcome {
    guard queues.indices.contains(index) else { return ServiceOutcome() }
    let queue = queues[index]
    let context = BlockRequestContext(
      backing: backing, counters: queue.counters, identity: identity, sectorCount: sectorCount,
      writesThrough: !acceptedFeatures.contains(.blockFlush))
    return queue.service(context, cause, staysAwake: staysAwake, broken: brokenFlag)
  }
}
