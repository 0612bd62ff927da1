import GuestMemory
import HostOS
import SystemPackage
import Virtio

/// One connection with a frontend: what was negotiated, which memory is shared, how the rings are.
///
/// Belongs to the backend's thread. Requests of the frontend and of the driver are handled one after
/// the other on it, and a ring is taken back from the device, which finishes what it has in flight,
/// before memory, features or the ring itself change.
final class Session {
  let device: any VirtioDevice
  let offeredProtocolFeatures: VhostUserProtocolFeatures
  let rings: [Ring]
  let statistics: VhostUserStatistics
  var epoll: Epoll
  var memory = SharedMemory()
  var features = VirtioFeatures()
  var protocolFeatures = VhostUserProtocolFeatures()
  var status: UInt64 = 0
  /// The frontend wants writes to its memory logged, and where.
  var wantsLog = false
  var log: DirtyBitmap?
  var logEvent: OwnedDescriptor?
  var inflight: InflightRegion?
  var channel: BackendChannel?
  var busyPoll: BusyPoll
  let configuration: ConfigurationSignal
  private let socket: CInt
  private var reader = MessageReader()
  private var isGreeted = false

  /// Tokens of the descriptors waited for; kicks follow from `firstKick` on, one for each ring, and
  /// then the descriptors by which the device asks for a turn.
  enum Token {
    static let socket: UInt64 = 0
    static let stop: UInt64 = 1
    static let configuration: UInt64 = 2
    static let channel: UInt64 = 3
    static let firstKick: UInt64 = 4
  }

  // A frontend that sends without pause must not starve the rings.
  private static let messagesInARow = 32

  /// Prepares to talk over a socket that stays open as long as the session lives.
  init(
    device: any VirtioDevice, socket: CInt, stop: CInt, options: VhostUserOptions,
    statistics: VhostUserStatistics
  ) throws(SystemCallError) {
    self.device = device
    self.socket = socket
    self.statistics = statistics
    self.offeredProtocolFeatures = options.protocolFeatures.intersection(.supported)
    busyPoll = BusyPoll(limit: options.busyPollNanoseconds)
    rings = (0..<device.queueCount).map { _ in Ring() }
    configuration = try ConfigurationSignal()
    epoll = try Epoll(batch: 64)
    try epoll.add(socket, token: Token.socket)
    try epoll.add(stop, token: Token.stop)
    try epoll.add(configuration.event.raw, token: Token.configuration)
  }

  /// Serves until the frontend goes, breaks the protocol, or `stop` becomes readable.
  func run(onMemoryChange: (GuestMemoryMap?) -> Void) -> VhostUserEnd {
    // Whatever a frontend before this one left behind, this one starts anew.
    device.reset()
    device.observeConfiguration(configuration)
    defer {
      device.observeConfiguration(nil)
      for index in rings.indices { stopRing(index) }
    }
    do throws(VhostUserError) {
      while true {
        let timeout = work()
        if let end = try lookAround(timeout, onMemoryChange) { return end }
      }
    } catch {
      statistics.refuse(error)
      if case .system(let failure) = error { return .systemError(failure) }
      statistics.brokenConnections.add()
      return .protocolError(error)
    }
  }

  /// Handles what has come, after a wait for it; not nil at the end of the session.
  private func lookAround(
    _ timeout: Int32?, _ onMemoryChange: (GuestMemoryMap?) -> Void
  ) throws(VhostUserError) -> VhostUserEnd? {
    // What stands in for a page that is gone is not the frontend's: nothing read there counts.
    if isMemoryCut { throw .memoryCut }
    let count: Int
    let sleeps = timeout != 0
    let before = sleeps ? MonotonicTime.now() : MonotonicTime(nanoseconds: 0)
    do throws(SystemCallError) {
      count = try epoll.wait(timeoutMilliseconds: timeout)
    } catch {
      throw .system(error)
    }
    var sawKick = false
    for position in 0..<count {
      switch epoll.token(at: position) {
      case Token.stop:
        return .stopped
      case Token.socket:
        if try receive(onMemoryChange) { return .peerClosed }
      case Token.configuration:
        _ = configuration.event.drain()
        channel?.noteConfigurationChange()
      case Token.channel:
        // Only a lost channel or an answer makes it readable.
        if channel?.readAnswers(statistics) == .lost { loseChannel() }
      case let token:
        sawKick = true
        notified(token, epoll.readiness(at: position))
      }
    }
    if sleeps {
      statistics.sleeps.add()
      if sawKick { busyPoll.slept(MonotonicTime.now().nanoseconds(since: before)) }
    }
    flushChannel()
    return nil
  }

  private var isMemoryCut: Bool {
    if memory.map?.hasLostPages == true || inflight?.memory.hasLostPages == true { return true }
    return log.map { $0.lostPageCount > 0 } ?? false
  }

  /// Handles what has come over the socket; true when the frontend is gone.
  private func receive(_ onMemoryChange: (GuestMemoryMap?) -> Void) throws(VhostUserError) -> Bool {
    for _ in 0..<Self.messagesInARow {
      switch try reader.next(from: socket) {
      case .nothing: return false
      case .end: return true
      case .message(var message):
        if !isGreeted { statistics.frontends.add() }
        isGreeted = true
        statistics.messages.add()
        try answer(&message, onMemoryChange)
      }
    }
    return false
  }

  private func answer(
    _ message: inout VhostUserMessage, _ onMemoryChange: (GuestMemoryMap?) -> Void
  ) throws(VhostUserError) {
    let needsReply = message.needsReply
    let hasReply = VhostUserRequest(rawValue: message.request)?.hasReply ?? false
    do throws(VhostUserError) {
      let before = memory.map
      let reply = try handle(&message)
      // Before the acknowledgement: who sees that, sees the new memory.
      if memory.map !== before { onMemoryChange(memory.map) }
      if let reply {
        try send(reply, for: message.request)
      } else if needsReply && protocolFeatures.contains(.replyAcknowledge) {
        // Asked after the request was handled: UML wants this very negotiation acknowledged.
        try acknowledge(message.request, failed: false)
      }
    } catch {
      // A question that goes unanswered would leave the frontend waiting, and without
      // acknowledgements closing is the only way to say no.
      guard needsReply, protocolFeatures.contains(.replyAcknowledge), !hasReply, !error.isFatal
      else { throw error }
      statistics.refuse(error)
      try acknowledge(message.request, failed: true)
    }
  }

  private func acknowledge(_ request: UInt32, failed: Bool) throws(VhostUserError) {
    var payload = PayloadWriter()
    payload.append(UInt64(failed ? 1 : 0))
    try send(Reply(payload.bytes), for: request)
  }

  private func send(_ reply: borrowing Reply, for request: UInt32) throws(VhostUserError) {
    var message = PayloadWriter()
    message.append(request)
    message.append(VhostUserWire.version | VhostUserWire.replyFlag)
    message.append(UInt32(reply.payload.count))
    message.append(contentsOf: reply.payload)
    do throws(SystemCallError) {
      let sent = unsafe try UnixSocket.send(
        message.bytes.span.bytes, over: socket, descriptors: reply.descriptors, waits: false)
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
}

/// What a request is answered with.
struct Reply: ~Copyable {
  let payload: [UInt8]
  private let file: OwnedDescriptor?

  /// The descriptors that go with it; open as long as the reply lives.
  let descriptors: [CInt]

  init(_ payload: [UInt8], file: consuming OwnedDescriptor? = nil) {
    self.payload = payload
    if let raw = file?.raw { descriptors = [raw] } else { descriptors = [] }
    self.file = file
  }

  /// The answer to a question for a number.
  init(_ value: UInt64) {
    var writer = PayloadWriter()
    writer.append(value)
    self.init(writer.bytes)
  }
}
