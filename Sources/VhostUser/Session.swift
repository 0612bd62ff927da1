import GuestMemory
import HostOS
import SystemPackage
import Virtio

/// One connection with a frontend: what was negotiated, which memory is shared, how the rings are.
///
/// Belongs to the backend's thread. Requests of the frontend and of the driver are handled one after
/// the other on it, so no request is ever in flight while memory or rings change.
final class Session {
  let device: any VirtioDevice
  let offeredProtocolFeatures: VhostUserProtocolFeatures
  let rings: [Ring]
  var epoll: Epoll
  var memory = SharedMemory()
  var features = VirtioFeatures()
  var protocolFeatures = VhostUserProtocolFeatures()
  var status: UInt64 = 0
  private let socket: CInt
  private var reader = MessageReader()

  /// Tokens of the descriptors waited for; kicks follow from here on, one for each ring.
  static let socketToken: UInt64 = 0
  static let stopToken: UInt64 = 1
  static let firstKickToken: UInt64 = 2

  // A frontend that sends without pause must not starve the rings.
  private static let messagesInARow = 32

  /// Prepares to talk over a socket that stays open as long as the session lives.
  init(
    device: any VirtioDevice, socket: CInt, stop: CInt,
    protocolFeatures: VhostUserProtocolFeatures
  ) throws(SystemCallError) {
    self.device = device
    self.socket = socket
    self.offeredProtocolFeatures = protocolFeatures.intersection(.supported)
    rings = (0..<device.queueCount).map { _ in Ring() }
    epoll = try Epoll()
    try epoll.add(socket, token: Self.socketToken)
    try epoll.add(stop, token: Self.stopToken)
  }

  /// Serves until the frontend goes, breaks the protocol, or `stop` becomes readable.
  func run(onMemoryChange: (GuestMemoryMap?) -> Void) -> VhostUserEnd {
    defer { for index in rings.indices { stopRing(index) } }
    do throws(VhostUserError) {
      while true {
        let count = try wait()
        for position in 0..<count {
          switch epoll.token(at: position) {
          case Self.stopToken:
            return .stopped
          case Self.socketToken:
            if try receive(onMemoryChange) { return .peerClosed }
          case let token:
            kicked(token, epoll.readiness(at: position))
          }
        }
        for index in rings.indices { serve(index) }
      }
    } catch {
      if case .system(let failure) = error { return .systemError(failure) }
      return .protocolError(error)
    }
  }

  private func wait() throws(VhostUserError) -> Int {
    let isBusy = rings.contains { $0.isRunning && $0.hasWork }
    let isPolling = rings.contains { $0.isRunning && $0.isPolled }
    do throws(SystemCallError) {
      return try epoll.wait(timeoutMilliseconds: isBusy ? 0 : isPolling ? 1 : nil)
    } catch {
      throw .system(error)
    }
  }

  /// Handles what has come over the socket; true when the frontend is gone.
  private func receive(_ onMemoryChange: (GuestMemoryMap?) -> Void) throws(VhostUserError) -> Bool {
    for _ in 0..<Self.messagesInARow {
      switch try reader.next(from: socket) {
      case .nothing: return false
      case .end: return true
      case .message(var message):
        try answer(&message, onMemoryChange)
      }
    }
    return false
  }

  private func answer(
    _ message: inout VhostUserMessage, _ onMemoryChange: (GuestMemoryMap?) -> Void
  ) throws(VhostUserError) {
    let acknowledges = message.needsReply && protocolFeatures.contains(.replyAcknowledge)
    let hasReply = VhostUserRequest(rawValue: message.request)?.hasReply ?? false
    do throws(VhostUserError) {
      let before = memory.map
      let reply = try handle(&message)
      // Before the acknowledgement: who sees that, sees the new memory.
      if memory.map !== before { onMemoryChange(memory.map) }
      if let payload = reply {
        try send(payload, for: message.request)
      } else if acknowledges {
        try acknowledge(message.request, failed: false)
      }
    } catch {
      // A question that goes unanswered would leave the frontend waiting, and without
      // acknowledgements closing is the only way to say no.
      guard acknowledges, !hasReply, !error.isFatal else { throw error }
      try acknowledge(message.request, failed: true)
    }
  }

  private func acknowledge(_ request: UInt32, failed: Bool) throws(VhostUserError) {
    var payload = PayloadWriter()
    payload.append(UInt64(failed ? 1 : 0))
    try send(payload.bytes, for: request)
  }

  private func send(_ payload: [UInt8], for request: UInt32) throws(VhostUserError) {
    var message = PayloadWriter()
    message.append(request)
    message.append(VhostUserWire.version | VhostUserWire.replyFlag)
    message.append(UInt32(payload.count))
    message.append(contentsOf: payload)
    do throws(SystemCallError) {
      let sent = unsafe try UnixSocket.send(message.bytes.span.bytes, over: socket, waits: false)
      guard sent == message.bytes.count else { throw SystemCallError("sendmsg", .wouldBlock) }
    } catch {
      // A frontend that is gone is noticed at the next read.
      switch error.errno {
      case .wouldBlock: throw .repliesNotRead
      case .brokenPipe, .connectionReset: return
      default: throw .system(error)
      }
    }
  }

  private func kicked(_ token: UInt64, _ readiness: Epoll.Interest) {
    guard let index = Int(exactly: token - Self.firstKickToken), rings.indices.contains(index),
      let raw = rings[index].kick?.raw
    else { return }
    let ring = rings[index]
    let count = EventFD.drain(raw)
    if count == 0 && !readiness.isDisjoint(with: [.hungUp, .failed]) {
      // Nothing will come any more; left in the set it would wake us for ever.
      try? epoll.remove(raw)
      return
    }
    guard count > 0 else { return }
    ring.isStarted = true
    ring.hasWork = true
    ring.wasKicked = true
  }

  /// Gives a ring one turn, if it is in a state to have one.
  private func serve(_ index: Int) {
    let ring = rings[index]
    guard ring.isRunning, ring.hasWork || ring.isPolled else { return }
    do throws(VhostUserError) {
      try activate(index)
    } catch {
      ring.isBroken = true
      ring.signalError()
      return
    }
    let outcome = device.service(
      queue: index, cause: ring.wasKicked ? .notification : .continuation)
    ring.wasKicked = false
    ring.hasWork = outcome.more
    if outcome.interrupt { ring.signalCall() }
    if outcome.failure != nil { ring.signalError() }
  }
}
