import DriverMock
import GuestMemory
import HostOS
import Synchronization
import Testing
import Virtio

/// A device that does what a test tells it to, and notes what is asked of it.
final class StubDevice: VirtioDevice {
  struct State {
    var configuration: [UInt8] = []
    var generation: UInt32 = 0
    var outcome = ServiceOutcome()
    var isBroken = false
    var accepts = true
    var accepted: VirtioFeatures = []
    var started: [Int: UInt16] = [:]
    var stops: [Int] = []
    var turns: [(queue: Int, cause: ServiceCause)] = []
    var resets = 0
    var isObserved = false
  }

  let deviceType: UInt32 = 2
  let queueCount: Int
  let maximumQueueSize: UInt16 = 256
  let offeredFeatures: VirtioFeatures
  let state: Mutex<State>
  /// Never drained by the device, so that a level would be seen again and again.
  let wake: SharedEvent?
  private let observer = Mutex<(any ConfigurationObserver)?>(nil)

  init(
    queueCount: Int = 2, features: VirtioFeatures = [.eventIndex, .indirectDescriptors],
    configuration: [UInt8] = Array(1...16), wake: SharedEvent? = nil
  ) {
    self.wake = wake
    self.queueCount = queueCount
    offeredFeatures = features
    state = Mutex(State(configuration: configuration))
  }

  var needsReset: Bool { state.withLock { $0.isBroken } }
  var configurationGeneration: UInt32 { state.withLock { $0.generation } }

  func wakeDescriptor(ofQueue index: Int) -> CInt? { index == 0 ? wake?.raw : nil }

  func observeConfiguration(_ observer: (any ConfigurationObserver)?) {
    self.observer.withLock { $0 = observer }
  }

  /// Changes the configuration, as a device does of its own accord.
  func change(_ configuration: [UInt8]) {
    state.withLock {
      $0.configuration = configuration
      $0.generation &+= 1
    }
    tell()
  }

  func tell() {
    observer.withLock { $0 }?.configurationChanged()
  }

  func configuration(at offset: Int, count: Int) -> [UInt8] {
    state.withLock { state in
      (0..<count).map { index in
        let (place, overflow) = offset.addingReportingOverflow(index)
        return !overflow && state.configuration.indices.contains(place)
          ? state.configuration[place] : 0
      }
    }
  }

  /// The first byte can be written.
  func writeConfiguration(_ bytes: [UInt8], at offset: Int) -> Bool {
    guard offset == 0, bytes.count == 1 else { return false }
    state.withLock { $0.configuration[0] = bytes[0] }
    return true
  }

  func acceptFeatures(_ features: VirtioFeatures) -> Bool {
    state.withLock { state in
      guard state.accepts, features.isSubset(of: offeredFeatures) else { return false }
      state.accepted = features
      return true
    }
  }

  func startQueue(_ index: Int, _ queue: consuming SplitQueue) {
    let size = queue.size
    state.withLock { $0.started[index] = size }
  }

  func stopQueue(_ index: Int) -> QueuePosition? {
    state.withLock { state in
      state.stops.append(index)
      state.started[index] = nil
    }
    return nil
  }

  func service(queue index: Int, cause: ServiceCause) -> ServiceOutcome {
    state.withLock { state in
      state.turns.append((index, cause))
      return state.outcome
    }
  }

  func reset() {
    state.withLock { state in
      state.resets += 1
      state.started = [:]
      state.accepted = []
      state.isBroken = false
    }
  }

  func prepareToStop() {}
}

/// Counts interrupts.
final class CountingLine: InterruptLine {
  private let edges = Atomic<Int>(0)

  var count: Int { edges.load(ordering: .acquiring) }

  func signal() {
    edges.wrappingAdd(1, ordering: .acquiringAndReleasing)
  }
}

/// A device over virtio-mmio with its driver.
final class MMIOBench {
  let transport: MMIOTransport
  let driver: MockMMIODriver
  let line = CountingLine()

  init(_ device: any VirtioDevice, memory: GuestMemoryMap? = nil) throws {
    transport = try MMIOTransport(
      device, memory: try memory ?? makeMemory(), interruptLine: line)
    driver = MockMMIODriver(transport)
  }

  /// A stub with its transport.
  static func stub(_ device: StubDevice = StubDevice()) throws -> (MMIOBench, StubDevice) {
    (try MMIOBench(device), device)
  }

  func count(_ event: MMIOEvent) -> UInt64 { transport.counts[event] }

  /// Every count, to see which ones an action raises.
  var counts: [MMIOEvent: UInt64] {
    Dictionary(uniqueKeysWithValues: MMIOEvent.allCases.map { ($0, transport.counts[$0]) })
  }

  func status(_ value: UInt32) -> UInt32 {
    driver.write(value, .status)
    return driver.read(.status)
  }
}

/// Waits for a condition, five seconds at most; false when it did not come.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
  while MonotonicTime.now() < deadline {
    if condition() { return true }
    _ = try? Poll.wait(readable: [], timeoutNanoseconds: 500_000)
  }
  return condition()
}

/// Five seconds from now.
var soon: MonotonicTime { .now().advanced(byNanoseconds: 5_000_000_000) }
