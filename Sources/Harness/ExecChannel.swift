import Evidence
import HostOS
import Machine
import SystemPackage
import Wire

/// The host's end of the port over which a guest's program is heard and fed.
struct ExecChannel: ~Copyable {
  /// What the guest told.
  enum Message {
    /// Something of the program.
    case program(ProgramEvent)
    /// Something of the guest itself.
    case guest(Event)
  }

  /// The stream's descriptor, which never blocks.
  let raw: CInt
  /// Whether the guest's end is still there.
  private(set) var isOpen = true
  private var reader = FrameReader()
  private var orders = ByteQueue()
  private var sequence: UInt32 = 0

  init(_ raw: CInt) {
    self.raw = raw
  }

  /// Bytes of orders that the guest has not taken yet.
  var waiting: Int { orders.count }

  /// Takes an order; it leaves with the next ``send()``.
  mutating func post(_ order: ProgramOrder) {
    orders.append(order.frame(sequence: sequence).encoded())
    sequence &+= 1
  }

  /// Sends what the guest takes just now.
  mutating func send() throws(RunFailure) {
    do {
      let waiting = orders.waiting
      let sent = unsafe try UnixSocket.send(waiting.span.bytes, over: raw, waits: false)
      orders.removeFirst(sent)
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return
      // The guest's end is told of elsewhere.
      case .brokenPipe, .connectionReset: orders.removeAll()
      default: throw .host(doing: "sending input to the guest", error)
      }
    }
  }

  /// Reads on; the messages that are whole now.
  ///
  /// - Throws: ``RunFailure`` for a stream that is damaged: output that is not whole is none, since
  ///   whoever reads it could not tell.
  mutating func read() throws(RunFailure) -> [Message] {
    guard let bytes = try ExecChannel.available(raw, "the guest's port") else { return [] }
    if bytes.isEmpty { isOpen = false }
    reader.append(bytes)
    var messages: [Message] = []
    while let reading = reader.next() {
      guard case .frame(let frame) = reading else {
        throw .incomplete(file: "the stream from the guest")
      }
      if let message = try Self.message(in: frame) { messages.append(message) }
    }
    return messages
  }

  private static func message(in frame: Frame) throws(RunFailure) -> Message? {
    do throws(WireError) {
      if let event = try ProgramEvent(decoding: frame) { return .program(event) }
      return try Event(decoding: frame).map { .guest($0) }
    } catch {
      throw .incomplete(file: "a frame from the guest")
    }
  }

  /// Bytes of a machine's stream, empty at its end, nil when there are none just now.
  static func available(_ descriptor: CInt, _ name: String) throws(RunFailure) -> [UInt8]? {
    do {
      return try DescriptorIO.readSome(descriptor, subject: name)
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable: return nil
      // A socket whose peer was killed with unread bytes of ours.
      case .connectionReset: return []
      default: throw .host(doing: "reading \(name)", error)
      }
    }
  }
}
