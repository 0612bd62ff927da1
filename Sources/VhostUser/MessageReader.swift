import HostOS

/// One request with the descriptors that came with it.
struct VhostUserMessage: ~Copyable {
  let request: UInt32
  let flags: UInt32
  let payload: [UInt8]
  var descriptors: ReceivedDescriptors

  var needsReply: Bool { flags & VhostUserWire.needReplyFlag != 0 }
}

/// Cuts the stream into messages without ever waiting: a frontend may send half of one and pause.
struct MessageReader: ~Copyable {
  /// What a look at the socket brought.
  enum Arrival: ~Copyable {
    case message(VhostUserMessage)
    /// Not all of a message is here.
    case nothing
    /// The peer closed; a message that it had begun is lost.
    case end
  }

  private var buffer: [UInt8] = []
  private var descriptors = ReceivedDescriptors()

  /// Takes the next message from the socket, if all of it has come.
  mutating func next(from socket: CInt) throws(VhostUserError) -> Arrival {
    while true {
      let wanted = try wantedCount()
      if buffer.count >= VhostUserWire.headerSize && wanted == 0 { return .message(finish()) }
      // Never past the end of the message: descriptors belong to the message they came with.
      switch try receive(wanted, from: socket) {
      case .bytes: continue
      case .nothing: return .nothing
      case .end: return .end
      case .tooManyDescriptors: throw .tooManyDescriptors
      }
    }
  }

  private func wantedCount() throws(VhostUserError) -> Int {
    let header = VhostUserWire.headerSize
    guard buffer.count >= header else { return header - buffer.count }
    let request = word(at: 0)
    let flags = word(at: 4)
    let size = word(at: 8)
    guard flags & VhostUserWire.versionMask == VhostUserWire.version,
      flags & VhostUserWire.replyFlag == 0
    else { throw .badFlags(flags) }
    guard size <= VhostUserWire.maximumPayload else {
      throw .messageTooLong(request: request, size: size)
    }
    return header + Int(size) - buffer.count
  }

  private mutating func receive(
    _ count: Int, from socket: CInt
  ) throws(VhostUserError) -> UnixSocket.Arrival {
    var chunk = [UInt8](repeating: 0, count: count)
    let arrival: UnixSocket.Arrival
    do throws(SystemCallError) {
      var span = chunk.mutableSpan
      var room = unsafe span.mutableBytes
      arrival = try UnixSocket.receive(
        into: &room, over: socket, descriptors: &descriptors, waits: false)
    } catch {
      throw .system(error)
    }
    if case .bytes(let got) = arrival { buffer += chunk.prefix(got) }
    return arrival
  }

  private mutating func finish() -> VhostUserMessage {
    var taken = ReceivedDescriptors()
    swap(&taken, &descriptors)
    let message = VhostUserMessage(
      request: word(at: 0), flags: word(at: 4),
      payload: Array(buffer.dropFirst(VhostUserWire.headerSize)), descriptors: taken)
    buffer.removeAll(keepingCapacity: true)
    return message
  }

  private func word(at offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(buffer[offset + $1]) << (8 * UInt32($1)) }
  }
}
