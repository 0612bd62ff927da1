import Glibc
import HostOS
import SystemPackage

/// The way back: requests of the backend to its frontend, over the descriptor that the frontend gave
/// for it (VHOST_USER_SET_BACKEND_REQ_FD).
///
/// Nothing here waits. What the frontend has no room for stays due and is tried again; a change of
/// the configuration is told again only once the last telling was answered, so that a frontend that
/// does not read costs one message and no memory.
struct BackendChannel: ~Copyable {
  /// What became of an attempt to send, or to read answers.
  enum Health {
    case good
    /// The other end is gone, or talks nonsense; the channel is of no use any more.
    case lost
  }

  /// How long an answer may take before it is given up.
  static let patienceNanoseconds: UInt64 = 5_000_000_000
  /// When to try again what found no room.
  static let retryMilliseconds: Int32 = 50

  let descriptor: OwnedDescriptor
  /// UML's is a pipe, over which no answer can come.
  private let isSocket: Bool
  private var answerDeadline: MonotonicTime?
  private var changeIsDue = false
  private var dueRings: [UInt32: BackendRequest] = [:]
  private var incoming: [UInt8] = []

  /// Takes a socket or the writing end of a pipe.
  ///
  /// - Throws: ``VhostUserError/wrongDescriptorKind(request:)``, `system`.
  init(_ descriptor: consuming OwnedDescriptor) throws(VhostUserError) {
    let kind = try Self.kind(descriptor)
    if kind != S_IFSOCK { try Ring.makeNonBlocking(descriptor) }
    isSocket = kind == S_IFSOCK
    self.descriptor = descriptor
  }

  private static func kind(
    _ descriptor: borrowing OwnedDescriptor
  ) throws(VhostUserError) -> mode_t {
    var status = stat()
    let kind = unsafe fstat(descriptor.raw, &status) == 0 ? status.st_mode & S_IFMT : 0
    guard kind == S_IFSOCK || kind == S_IFIFO else {
      throw .wrongDescriptorKind(request: VhostUserRequest.setBackendDescriptor.rawValue)
    }
    return kind
  }

  /// Whether something waits for room or for an answer.
  var isPending: Bool { changeIsDue || !dueRings.isEmpty || answerDeadline != nil }

  /// Notes that the frontend must look at the configuration again.
  mutating func noteConfigurationChange() { changeIsDue = true }

  /// Notes that a ring's driver is to be told something.
  mutating func note(_ request: BackendRequest, ring: UInt32) { dueRings[ring] = request }

  /// Sends what is due and finds room.
  ///
  /// - Parameter acknowledged: whether the frontend answers when it is asked to.
  mutating func flush(acknowledged: Bool, _ statistics: VhostUserStatistics) -> Health {
    if let deadline = answerDeadline, MonotonicTime.now() >= deadline {
      statistics.unansweredRequests.add()
      answerDeadline = nil
    }
    for (ring, request) in dueRings {
      var payload = PayloadWriter()
      payload.append(ring)
      payload.append(UInt32(0))
      switch send(request, payload.bytes, flags: VhostUserWire.version) {
      case .sent: dueRings[ring] = nil
      case .noRoom: return .good
      case .lost: return .lost
      }
    }
    guard changeIsDue, answerDeadline == nil else { return .good }
    let asks = acknowledged && isSocket
    let flags = VhostUserWire.version | (asks ? VhostUserWire.needReplyFlag : 0)
    switch send(.configurationChanged, [], flags: flags) {
    case .sent:
      changeIsDue = false
      statistics.configurationChanges.add()
      if asks {
        answerDeadline = MonotonicTime.now().advanced(byNanoseconds: Self.patienceNanoseconds)
      }
    case .noRoom: break
    case .lost: return .lost
    }
    return .good
  }

  /// Reads answers, of which there is at most one to wait for.
  mutating func readAnswers(_ statistics: VhostUserStatistics) -> Health {
    while true {
      var chunk = [UInt8](repeating: 0, count: 20)
      var descriptors = ReceivedDescriptors()
      let arrival: UnixSocket.Arrival
      do throws(SystemCallError) {
        var span = chunk.mutableSpan
        var room = unsafe span.mutableBytes
        arrival = try UnixSocket.receive(
          into: &room, over: descriptor.raw, descriptors: &descriptors, waits: false)
      } catch {
        return .lost
      }
      switch arrival {
      case .nothing: return .good
      case .end, .tooManyDescriptors: return .lost
      case .bytes(let count):
        incoming += chunk.prefix(count)
        guard takeAnswers(statistics) else { return .lost }
      }
    }
  }

  /// False when what came is no answer to anything.
  private mutating func takeAnswers(_ statistics: VhostUserStatistics) -> Bool {
    while incoming.count >= 20 {
      func word(_ offset: Int) -> UInt64 {
        (0..<4).reduce(0) { $0 | UInt64(incoming[offset + $1]) << (8 * UInt64($1)) }
      }
      let isAnswer =
        word(0) == UInt64(BackendRequest.configurationChanged.rawValue)
        && UInt32(word(4)) & VhostUserWire.replyFlag != 0 && word(8) == 8
      guard isAnswer else { return false }
      let isRefusal = word(12) | word(16) != 0
      incoming.removeFirst(20)
      // An answer that comes too late was counted when it was given up.
      guard answerDeadline != nil else { continue }
      answerDeadline = nil
      if isRefusal { statistics.unansweredRequests.add() }
    }
    return true
  }

  private enum Delivery {
    case sent, noRoom, lost
  }

  private func send(_ request: BackendRequest, _ payload: [UInt8], flags: UInt32) -> Delivery {
    var message = PayloadWriter()
    message.append(request.rawValue)
    message.append(flags)
    message.append(UInt32(payload.count))
    message.append(contentsOf: payload)
    let raw = descriptor.raw
    do throws(SystemCallError) {
      let sent =
        unsafe isSocket
        ? try UnixSocket.send(message.bytes.span.bytes, over: raw, waits: false)
        : try systemCall("write") {
          unsafe message.bytes.withUnsafeBytes { unsafe write(raw, $0.baseAddress, $0.count) }
        }
      // A message in pieces would need a memory of its own; so small a one never comes in pieces
      // unless the other end does not read.
      return sent == message.bytes.count ? .sent : .lost
    } catch {
      return error.errno == .wouldBlock ? .noRoom : .lost
    }
  }
}
