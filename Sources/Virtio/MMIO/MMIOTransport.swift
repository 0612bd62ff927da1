package import GuestMemory
package import HostOS
import Synchronization

/// A virtio-mmio device, version 2 (virtio 1.2, 4.2), around any ``VirtioDevice``.
///
/// Any thread may call. A CPU of the guest calls `load` and `store`; a ``DeviceWorker``, or whoever
/// waits for the notifiers, calls `serve`. A write that resets the device or disables a queue waits
/// for the turn that is under way, and nothing is written to the used rings, nor any interrupt
/// sent, once it has returned.
///
/// Locks, in the order in which they are taken: `registers`, the turn of a queue, `shared`. The
/// device is never called with `shared` held, so it may tell of a changed configuration anywhere.
package final class MMIOTransport: Sendable {
  /// What is driven.
  package let device: any VirtioDevice
  /// The guest's memory, where the rings are.
  package let memory: GuestMemoryMap
  /// What was counted since the transport was made; a reset does not clear it.
  package let counts = EventTally<MMIOEvent>()

  let vendor: UInt32
  let interruptLine: any InterruptLine
  let turns: [QueueTurn]
  let registers: Mutex<MMIORegisters>
  let shared = Mutex(SharedState())

  /// What both the guest's CPUs and the device's threads look at; held for a few instructions.
  struct SharedState: Sendable {
    var status: DeviceStatus = []
    /// Bit 0: used buffers, bit 1: configuration.
    var interrupts: UInt32 = 0
    /// The driver is ready, and no reset has begun: the only time for turns and interrupts.
    var isActive = false
    /// The configuration changed between reset and the driver being ready.
    var configurationPending = false
    /// The generation of the configuration that the driver was last told of.
    var toldGeneration: UInt32?
  }

  /// The right to work on one queue, and how its driver asks for work.
  final class QueueTurn: Sendable {
    struct State: Sendable {
      /// The queue was started and nobody has looked at it: the next look is the transport's wish.
      var isFresh = false
    }

    let notifier: SharedEvent
    let state = Mutex(State())

    init() throws(SystemCallError) {
      notifier = try SharedEvent()
    }
  }

  /// The device's view of one who must not keep the transport alive.
  private final class Relay: ConfigurationObserver {
    private weak let transport: MMIOTransport?

    init(_ transport: MMIOTransport) {
      self.transport = transport
    }

    func configurationChanged() {
      transport?.configurationChanged()
    }
  }

  /// Makes the transport of a device and becomes the observer of its configuration.
  ///
  /// - Parameter vendor: what VendorID reads.
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init(
    _ device: any VirtioDevice, memory: GuestMemoryMap, interruptLine: any InterruptLine,
    vendor: UInt32 = 0x7274_736b
  ) throws(SystemCallError) {
    self.device = device
    self.memory = memory
    self.interruptLine = interruptLine
    self.vendor = vendor
    var turns: [QueueTurn] = []
    for _ in 0..<device.queueCount { turns.append(try QueueTurn()) }
    self.turns = turns
    registers = Mutex(
      MMIORegisters(queueCount: device.queueCount, maximumSize: device.maximumQueueSize))
    device.observeConfiguration(Relay(self))
  }

  /// Number of queues.
  package var queueCount: Int { turns.count }

  /// The features that the driver is offered: the device's, and what the transport adds.
  package var offeredFeatures: VirtioFeatures {
    device.offeredFeatures.union([.version1, .ringReset])
  }

  /// How far the driver has come.
  package var status: DeviceStatus { shared.withLock { $0.status } }

  /// The descriptor that the driver's notifications of a queue arrive at, for ioeventfd; nil when
  /// there is no such queue.
  package func queueNotifier(_ index: Int) -> SharedEvent? {
    turns.indices.contains(index) ? turns[index].notifier : nil
  }
}
