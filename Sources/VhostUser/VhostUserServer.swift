import Glibc
package import GuestMemory
package import HostOS
import Synchronization
import SystemPackage
package import Virtio

/// Something that happened at a listening socket.
package enum VhostUserServerEvent: Hashable, Sendable {
  /// A frontend has connected and is served from now on.
  case connected
  /// The frontend is gone, or was let go.
  case disconnected(VhostUserEnd)
  /// Another frontend wants to connect while one is served; it has to wait for its turn.
  case waiting
  /// A connection could not be taken; the server goes on.
  case failed(SystemCallError)
}

/// Serves one virtio device on a listening socket, to one frontend after the other.
///
/// The device, what it holds and what it counted live as long as the server. A second frontend waits
/// in the queue of the socket until the first is gone.
package final class VhostUserServer: Sendable {
  private struct State: ~Copyable, Sendable {
    var thread: HostThread?
    var backend: VhostUserBackend?
    var memory: GuestMemoryMap?
    var socket: ListeningSocket?
  }

  private let device: any VirtioDevice
  private let options: VhostUserOptions
  private let statistics = VhostUserStatistics()
  private let listener: CInt
  private let report: @Sendable (VhostUserServerEvent) -> Void
  private let stopEvent: EventFD
  private let state: Mutex<State>

  /// Takes a listening socket; nothing happens before `start`.
  ///
  /// - Parameter report: called on the server's thread, which it must not hold up.
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init(
    device: any VirtioDevice, listening socket: consuming ListeningSocket,
    options: VhostUserOptions = VhostUserOptions(),
    report: @escaping @Sendable (VhostUserServerEvent) -> Void = { _ in }
  ) throws(SystemCallError) {
    self.device = device
    self.options = options
    self.report = report
    listener = socket.raw
    stopEvent = try EventFD()
    var initial = State()
    initial.socket = consume socket
    state = Mutex(initial)
  }

  /// Starts the thread.
  ///
  /// Once only.
  ///
  /// - Throws: ``SystemCallError`` from `pthread_create`.
  package func start() throws(SystemCallError) {
    let thread = try HostThread(name: "vhost-listen") { self.listen() }
    var starting: HostThread? = consume thread
    state.withLock { state in
      precondition(state.thread == nil, "a server is started once")
      state.thread = starting.take()
    }
  }

  /// Ends the service, removes the socket and waits for the threads; false when the device was still
  /// busy after the time given.
  @discardableResult
  package func stop(timeoutNanoseconds: UInt64 = 2_000_000_000) -> Bool {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: timeoutNanoseconds)
    stopEvent.signal()
    device.prepareToStop()
    var thread = state.withLock { $0.thread.take() }
    var isDone = thread?.join(until: deadline) ?? true
    let backend = state.withLock { $0.backend }
    if let backend {
      let left = deadline.nanoseconds(since: MonotonicTime.now())
      isDone = backend.stop(timeoutNanoseconds: left) && isDone
    }
    state.withLock { $0.socket = nil }
    return isDone
  }

  /// What was counted so far, over all frontends.
  package var counters: VhostUserCounters { statistics.current }

  /// Whether a frontend is connected.
  package var isConnected: Bool { state.withLock { $0.backend != nil } }

  /// The guest's memory as the frontend of now shares it, or that of before shared it last.
  package var guestMemory: GuestMemoryMap? {
    state.withLock { $0.backend?.guestMemory ?? $0.memory }
  }

  private func listen() {
    while true {
      guard
        let ready = try? Poll.wait(readable: [stopEvent.raw, listener], timeoutNanoseconds: .max)
      else { return }
      if !ready[0].isEmpty { return }
      if ready[1].isEmpty { continue }
      do throws(SystemCallError) {
        guard let socket = try UnixSocket.accept(on: listener) else { continue }
        let backend = try VhostUserBackend(
          device: device, socket: socket, options: options, statistics: statistics)
        try backend.start()
        state.withLock { $0.backend = backend }
        report(.connected)
        guard serve(backend) else { return }
      } catch {
        report(.failed(error))
        // Out of descriptors or memory: trying at once again would only spin.
        guard !pause(nanoseconds: 100_000_000) else { return }
      }
    }
  }

  /// Waits for the end of a connection; false when the server is to stop, and `stop` does the rest.
  private func serve(_ backend: VhostUserBackend) -> Bool {
    var toldOfWaiting = false
    while backend.end == nil {
      let watched = [
        stopEvent.raw, backend.finishedDescriptor, toldOfWaiting ? -1 : listener,
      ]
      guard let ready = try? Poll.wait(readable: watched, timeoutNanoseconds: .max),
        ready[0].isEmpty
      else { return false }
      if !ready[2].isEmpty && ready[1].isEmpty {
        toldOfWaiting = true
        report(.waiting)
      }
    }
    backend.join()
    state.withLock { state in
      state.memory = backend.guestMemory
      state.backend = nil
    }
    if let end = backend.end { report(.disconnected(end)) }
    return true
  }

  /// Whether the server was to stop meanwhile.
  private func pause(nanoseconds: UInt64) -> Bool {
    (try? Poll.wait(readable: stopEvent.raw, timeoutNanoseconds: nanoseconds)) ?? true
  }
}
