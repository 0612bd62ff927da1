package import HostOS
import Synchronization

/// A console with one or several ports (virtio 1.2, 5.3), for any transport.
///
/// Nothing is dropped on the way but where nobody is there to take it, and that is counted: output
/// waits in the guest's buffers until the port's sink takes it, input waits in the port's source
/// until the guest has buffers for it. Control messages to the driver are made when it has room.
package final class ConsoleDevice: VirtioDevice {
  /// What the device counted; a reset does not clear it.
  package let counts = EventTally<ConsoleEvent>()
  package let offeredFeatures: VirtioFeatures = [
    .version1, .eventIndex, .indirectDescriptors, .consoleSize, .consoleMultiport,
    .consoleEmergencyWrite,
  ]

  /// The host's side of one port.
  struct Endpoints {
    var sink: (any ConsoleSink)?
    var source: (any ConsoleSource)?
    var isSourceClosed = false
  }

  /// One port's endpoints and counts.
  final class Port: Sendable {
    let endpoints: Mutex<Endpoints>
    let counts = EventTally<ConsolePortEvent>()

    init(_ options: ConsolePortOptions) {
      endpoints = Mutex(Endpoints(sink: options.sink, source: options.source))
    }
  }

  /// What a queue is for.
  enum Role: Hashable {
    case receive(Int)
    case transmit(Int)
    case controlReceive
    case controlTransmit
  }

  let ports: [Port]
  let queues: [ConsoleQueue]
  let control: Mutex<ConsoleControl>
  let brokenFlag = Atomic<Bool>(false)
  private let observer = Mutex<(any ConfigurationObserver)?>(nil)

  /// Makes a device whose ports are all there from the start; port 0 is the one that a driver
  /// without multiport sees.
  ///
  /// - Throws: ``SystemCallError`` from the calls that make wake descriptors.
  package init(_ options: [ConsolePortOptions]) throws(SystemCallError) {
    precondition(!options.isEmpty && options.count <= 512, "1 to 512 ports")
    for port in options {
      precondition(
        port.name.utf8.count <= ConsolePortOptions.maximumNameLength && !port.name.utf8.contains(0),
        "a port's name has at most 255 bytes and no NUL")
    }
    ports = options.map(Port.init)
    control = Mutex(
      ConsoleControl(
        ports: options.map {
          .init(
            name: Array($0.name.utf8), isConsole: $0.isConsole, columns: $0.columns, rows: $0.rows)
        }))
    var queues: [ConsoleQueue] = []
    for _ in 0..<(2 + 2 * options.count) { queues.append(try ConsoleQueue()) }
    self.queues = queues
  }

  package var deviceType: UInt32 { 3 }
  package var queueCount: Int { queues.count }
  package var maximumQueueSize: UInt16 { 256 }
  package var needsReset: Bool { brokenFlag.load(ordering: .acquiring) }

  /// Number of ports.
  package var portCount: Int { ports.count }

  /// What a port counted; a reset does not clear it.
  package func counts(ofPort index: Int) -> EventTally<ConsolePortEvent> { ports[index].counts }

  /// Whether the guest has opened a port, so that data moves through it.
  package func isOpen(_ index: Int) -> Bool { control.withLock { $0.isOpen(index) } }

  package func observeConfiguration(_ observer: (any ConfigurationObserver)?) {
    self.observer.withLock { $0 = observer }
  }

  /// Tells the driver, by way of its transport, that the configuration has changed.
  func tellConfigurationChanged() {
    observer.withLock { $0 }?.configurationChanged()
  }

  package func wakeDescriptor(ofQueue index: Int) -> CInt? {
    queues.indices.contains(index) ? queues[index].wake.raw : nil
  }

  package func acceptFeatures(_ features: VirtioFeatures) -> Bool {
    guard features.isSubset(of: offeredFeatures) else { return false }
    control.withLock { $0.isMultiport = features.contains(.consoleMultiport) }
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
    control.withLock { $0.reset() }
    brokenFlag.store(false, ordering: .releasing)
  }

  /// Nothing here waits.
  package func prepareToStop() {}

  package func service(queue index: Int, cause: ServiceCause) -> ServiceOutcome {
    guard queues.indices.contains(index) else { return ServiceOutcome() }
    switch ConsoleDevice.role(ofQueue: index) {
    case .receive(let port): return receive(port, queues[index], cause)
    case .transmit(let port): return transmit(port, queues[index], cause)
    case .controlReceive: return sendControl(queues[index], cause)
    case .controlTransmit: return receiveControl(queues[index], cause)
    }
  }

  /// What the queue of a number is for (virtio 1.2, 5.3.2).
  static func role(ofQueue index: Int) -> Role {
    switch index {
    case 0: .receive(0)
    case 1: .transmit(0)
    case 2: .controlReceive
    case 3: .controlTransmit
    default: index % 2 == 0 ? .receive(index / 2 - 1) : .transmit(index / 2 - 1)
    }
  }

  /// The number of a port's receive queue; its transmit queue is the next.
  package static func receiveQueue(ofPort port: Int) -> Int { port == 0 ? 0 : 2 + 2 * port }

  /// Has a port's data queues looked at.
  func wakeData(ofPort port: Int) {
    let receive = ConsoleDevice.receiveQueue(ofPort: port)
    queues[receive].wake.signal()
    queues[receive + 1].wake.signal()
  }

  /// Has the messages to the driver looked at.
  func wakeControl() {
    queues[2].wake.signal()
  }
}
