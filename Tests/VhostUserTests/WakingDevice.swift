import HostOS
import Synchronization
import Virtio

/// A disk that also asks for turns of its own accord and changes its configuration when told to.
final class WakingDevice: VirtioDevice {
  private struct State {
    var observer: (any ConfigurationObserver)?
    var wakes = 0
    var resets = 0
    var holdsBack = false
  }

  let disk: BlockDevice
  let wake: EventFD
  private let state = Mutex(State())

  init(_ disk: BlockDevice) throws {
    self.disk = disk
    wake = try EventFD()
  }

  /// Turns because of the wake descriptor.
  var wakes: Int { state.withLock { $0.wakes } }
  var resets: Int { state.withLock { $0.resets } }
  var isObserved: Bool { state.withLock { $0.observer != nil } }

  /// While set, only a wake makes the disk look at its queue.
  func holdBack(_ value: Bool) { state.withLock { $0.holdsBack = value } }

  func tellOfChange() { state.withLock { $0.observer }?.configurationChanged() }

  var deviceType: UInt32 { disk.deviceType }
  var queueCount: Int { disk.queueCount }
  var maximumQueueSize: UInt16 { disk.maximumQueueSize }
  var offeredFeatures: VirtioFeatures { disk.offeredFeatures }
  var needsReset: Bool { disk.needsReset }

  func observeConfiguration(_ observer: (any ConfigurationObserver)?) {
    state.withLock { $0.observer = observer }
  }

  func wakeDescriptor(ofQueue index: Int) -> CInt? { index == 0 ? wake.raw : nil }
  func configuration(at offset: Int, count: Int) -> [UInt8] {
    disk.configuration(at: offset, count: count)
  }
  // The byte that a driver may write, whatever the disk offers.
  func writeConfiguration(_ bytes: [UInt8], at offset: Int) -> Bool {
    offset == 0x20 && bytes.count == 1
  }
  func acceptFeatures(_ features: VirtioFeatures) -> Bool { disk.acceptFeatures(features) }
  func startQueue(_ index: Int, _ queue: consuming SplitQueue) { disk.startQueue(index, queue) }
  func stopQueue(_ index: Int) -> QueuePosition? { disk.stopQueue(index) }
  func prepareToStop() { disk.prepareToStop() }

  func reset() {
    state.withLock { $0.resets += 1 }
    disk.reset()
  }

  func service(queue index: Int, cause: ServiceCause) -> ServiceOutcome {
    let holds = state.withLock { state in
      if cause == .wake {
        state.wakes += 1
        _ = wake.drain()
      }
      return state.holdsBack && cause != .wake
    }
    return holds ? ServiceOutcome() : disk.service(queue: index, cause: cause)
  }
}
