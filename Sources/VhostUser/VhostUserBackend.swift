import Glibc
package import GuestMemory
package import HostOS
import Synchronization
package import Virtio

/// Serves one virtio device to a vhost-user frontend, such as QEMU, on a thread of its own.
///
/// The frontend may be hostile: whatever it sends, the worst it gets is a refusal or the end of the
/// connection. Even a file that it shares and then cuts short costs no more than wrong data.
package final class VhostUserBackend: Sendable {
  private struct State: ~Copyable, Sendable {
    var thread: HostThread?
    var end: VhostUserEnd?
    var memory: GuestMemoryMap?
  }

  private let device: any VirtioDevice
  private let socket: OwnedDescriptor
  private let options: VhostUserOptions
  private let statistics: VhostUserStatistics
  private let stopEvent: EventFD
  private let finishedEvent: EventFD
  private let state = Mutex(State())

  /// Takes a connected stream socket; nothing happens before `start`.
  ///
  /// - Parameter statistics: where to count; by default an account of this backend's own.
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init(
    device: any VirtioDevice, socket: consuming OwnedDescriptor,
    options: VhostUserOptions = VhostUserOptions(),
    statistics: VhostUserStatistics = VhostUserStatistics()
  ) throws(SystemCallError) {
    self.device = device
    self.socket = socket
    self.options = options
    self.statistics = statistics
    stopEvent = try EventFD()
    finishedEvent = try EventFD()
  }

  /// Starts the thread.
  ///
  /// Once only.
  ///
  /// - Throws: ``SystemCallError`` from `pthread_create`.
  package func start() throws(SystemCallError) {
    let thread = try HostThread(name: "vhost-user") { self.serve() }
    var starting: HostThread? = consume thread
    state.withLock { state in
      precondition(state.thread == nil, "a backend is started once")
      state.thread = starting.take()
    }
  }

  /// Ends the service and waits for the thread; false when it was still busy after the time given.
  ///
  /// Harmless when the service has ended by itself, or was never started.
  @discardableResult
  package func stop(timeoutNanoseconds: UInt64 = 2_000_000_000) -> Bool {
    stopEvent.signal()
    device.prepareToStop()
    return join(timeoutNanoseconds: timeoutNanoseconds)
  }

  /// Waits for the thread of a service that has ended by itself; the device stays as it is.
  @discardableResult
  package func join(timeoutNanoseconds: UInt64 = 2_000_000_000) -> Bool {
    var thread = state.withLock { $0.thread.take() }
    let deadline = MonotonicTime.now().advanced(byNanoseconds: timeoutNanoseconds)
    let isDone = thread?.join(until: deadline) ?? true
    if !isDone {
      var running = thread.take()
      state.withLock { $0.thread = running.take() }
    }
    return isDone
  }

  /// Readable once the service has ended; for waiting beside other things.
  package var finishedDescriptor: CInt { finishedEvent.raw }

  /// Why the service ended; nil while it goes on.
  package var end: VhostUserEnd? { state.withLock { $0.end } }

  /// What was counted so far.
  package var counters: VhostUserCounters { statistics.current }

  /// The guest's memory as the frontend shares it now, or shared it last when the service has
  /// ended.
  ///
  /// Whoever holds a map keeps it readable.
  package var guestMemory: GuestMemoryMap? { state.withLock { $0.memory } }

  private func serve() {
    let end: VhostUserEnd
    do throws(SystemCallError) {
      let session = try Session(
        device: device, socket: socket.raw, stop: stopEvent.raw, options: options,
        statistics: statistics)
      end = session.run { map in self.state.withLock { $0.memory = map } }
    } catch {
      end = .systemError(error)
    }
    // The frontend sees the end at once, even while this object lives on.
    _ = shutdown(socket.raw, CInt(SHUT_RDWR))
    state.withLock { $0.end = end }
    finishedEvent.signal()
  }
}

/// How a backend presents itself and works.
package struct VhostUserOptions: Hashable, Sendable {
  /// Parts of the protocol to offer, of those that are supported.
  package var protocolFeatures = VhostUserProtocolFeatures.supported
  /// How long to look for more work before going to sleep, at most; zero sleeps at once.
  ///
  /// How long it really looks follows what looking brought lately.
  package var busyPollNanoseconds: UInt64 = 0

  /// Makes the defaults.
  package init() {}
}
