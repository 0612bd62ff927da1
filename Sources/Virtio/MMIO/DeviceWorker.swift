package import HostOS
import Synchronization

/// A thread that serves the queues of one transport: the driver's notifications and the device's
/// own wakes, in turns, so that no queue waits for another to run dry.
package struct DeviceWorker: ~Copyable {
  private let loop: Loop
  private var thread: HostThread

  /// Starts a thread for some queues of a transport.
  ///
  /// Each queue belongs to one worker at most.
  ///
  /// - Parameters:
  ///   - queues: nil takes all.
  ///   - prepare: runs first on the thread, which ends at once where it returns false.
  /// - Throws: ``SystemCallError`` from `epoll_create1`, `epoll_ctl`, `eventfd` or `pthread_create`.
  package init(
    _ transport: MMIOTransport, queues: [Int]? = nil, name: String = "virtio",
    prepare: @escaping @Sendable () -> Bool = { true }
  ) throws(SystemCallError) {
    let loop = try Loop(transport, queues ?? Array(0..<transport.queueCount))
    thread = try HostThread(name: name) {
      if prepare() { loop.run() }
    }
    self.loop = loop
  }

  deinit {
    loop.stopEvent.event.signal()
  }

  /// Ends the thread; false when it was still at work at the deadline.
  ///
  /// The device stops waiting of its own accord for good; the transport stays as it is.
  package mutating func stop(until deadline: MonotonicTime) -> Bool {
    loop.transport.device.prepareToStop()
    loop.stopEvent.event.signal()
    return thread.join(until: deadline)
  }

  /// What the thread does and shares with its owner.
  private final class Loop: Sendable {
    let transport: MMIOTransport
    let queues: [Int]
    let stopEvent: SharedEvent
    private let epoll: Mutex<Epoll>

    private static let stopToken = UInt64.max

    init(_ transport: MMIOTransport, _ queues: [Int]) throws(SystemCallError) {
      self.transport = transport
      self.queues = queues.filter { (0..<transport.queueCount).contains($0) }
      stopEvent = try SharedEvent()
      let epoll = try Epoll()
      try epoll.add(stopEvent.raw, token: Loop.stopToken)
      for (place, queue) in self.queues.enumerated() {
        if let notifier = transport.queueNotifier(queue) {
          try epoll.add(notifier.raw, token: UInt64(place) << 1)
        }
        // Told of once for each arrival: the device drains it in a turn, and has none before its
        // driver is ready. The turn at the start makes up for what came before.
        if let wake = transport.device.wakeDescriptor(ofQueue: queue) {
          try epoll.add(wake, token: UInt64(place) << 1 | 1, interest: [.readable, .edgeTriggered])
        }
      }
      self.epoll = Mutex(epoll)
    }

    /// What waits to be done for a queue.
    private struct Wishes {
      var notified = false
      var woken = false
      var unfinished = false

      var any: Bool { notified || woken || unfinished }
    }

    func run() {
      // Taken once, for the life of the thread: nobody else uses the set.
      epoll.withLock { epoll in
        var wishes = Array(repeating: Wishes(), count: queues.count)
        while gather(&epoll, &wishes) {
          for place in wishes.indices { serve(queues[place], &wishes[place]) }
        }
      }
    }

    /// Waits for news, unless there is work; false when it is time to go.
    private func gather(_ epoll: inout Epoll, _ wishes: inout [Wishes]) -> Bool {
      let isBusy = wishes.contains { $0.any }
      // Fails only for a broken descriptor, which nothing here can mend.
      guard let count = try? epoll.wait(timeoutMilliseconds: isBusy ? 0 : nil) else { return false }
      for index in 0..<count {
        let token = epoll.token(at: index)
        if token == Loop.stopToken { return false }
        let place = Int(token >> 1)
        if token & 1 == 0 {
          _ = transport.queueNotifier(queues[place])?.event.drain()
          wishes[place].notified = true
        } else {
          wishes[place].woken = true
        }
      }
      return true
    }

    /// One turn for each reason that a queue has.
    private func serve(_ queue: Int, _ wishes: inout Wishes) {
      var more = false
      if wishes.woken { more = transport.serve(queue: queue, cause: .wake) }
      if wishes.notified {
        more = transport.serve(queue: queue, cause: .notification)
      } else if wishes.unfinished, !wishes.woken {
        more = transport.serve(queue: queue, cause: .continuation)
      }
      wishes = Wishes(unfinished: more)
    }
  }
}
