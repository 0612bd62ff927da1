internal import CGuest
internal import Wire

/// The way of events to the host.
///
/// Events are framed and gathered, and written together by `flush`. Before the port is open they
/// wait; what the host does not take in time is dropped and counted, never waited for again.
struct Telemetry: ~Copyable {
  /// How long the host may take over one write.
  static let patience = 5 * Time.second
  /// Events kept before the port is open.
  private static let backlogLimit = 256
  /// Gathered bytes after which `post` flushes by itself: virtio_console cuts writes at 32 KiB.
  private static let flushSize = 24 << 10

  private var descriptor: Int32 = -1
  private var sequence: UInt32 = 0
  private var buffer: [UInt8] = []
  /// Where each gathered frame ends, to know which ones a failed write lost.
  private var frameEnds: [Int] = []
  private var backlog: [Event] = []
  private var isStalled = false

  /// Events that did not reach the host.
  private(set) var dropped: UInt32 = 0
  /// No wait goes beyond this moment.
  private var deadline: UInt64 = .max

  init() {}

  deinit {
    if descriptor >= 0 { guest_close(descriptor) }
  }

  /// Whether the port is open.
  var isOpen: Bool { descriptor >= 0 }

  /// Starts sending over an open port: first the greeting, then what waited.
  mutating func open(_ port: Int32, greeting: Hello) {
    descriptor = port
    post(.hello(greeting))
    let waiting = backlog
    backlog = []
    for event in waiting { post(event) }
  }

  /// Closes a worker's copy of the port.
  func closeInChild() {
    if descriptor >= 0 { guest_close(descriptor) }
  }

  /// The port, for streams that are framed elsewhere; negative before it is open.
  var port: Int32 { descriptor }

  /// The number of a frame that is sent elsewhere.
  mutating func takeSequence() -> UInt32 {
    defer { sequence &+= 1 }
    return sequence
  }

  /// Takes an event; it leaves with the next `flush`.
  mutating func post(_ event: Event) {
    guard descriptor >= 0 else {
      if backlog.count < Self.backlogLimit { backlog.append(event) } else { dropped &+= 1 }
      return
    }
    let frame = event.frame(sequence: sequence)
    sequence &+= 1
    guard frame.payload.count <= Frame.maximumPayload else {
      dropped &+= 1
      return
    }
    // The usual case, and no copy.
    if buffer.isEmpty { buffer = frame.encoded() } else { buffer += frame.encoded() }
    frameEnds.append(buffer.count)
    if buffer.count >= Self.flushSize { flush() }
  }

  /// Begins a part of the guest's life whose waits end at `deadline`; the host gets its patience
  /// anew.
  mutating func begin(until deadline: UInt64) {
    self.deadline = deadline
    isStalled = false
  }

  /// Says that a stage was reached.
  mutating func reached(_ stage: Stage, at time: UInt64 = Time.now) {
    post(.stage(StageReached(stage: stage, monotonic: time)))
  }

  /// Writes what was gathered, or drops what the host does not take.
  ///
  /// After one write ran out of time the next ones do not wait at all until one succeeds, so that
  /// a host that went away costs its patience once.
  mutating func flush() {
    guard descriptor >= 0, !frameEnds.isEmpty else { return }
    let limit = isStalled ? Time.now : min(Time.after(Self.patience), deadline)
    var sent = 0
    while sent < buffer.count {
      let start = sent
      let count = unsafe buffer.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return 0 }
        return unsafe guest_write(descriptor, base + start, bytes.count - start)
      }
      if count > 0 {
        sent += count
        continue
      }
      // Asked only now: nearly always there is room.
      guard Time.now < limit, awaitWritable(until: limit) else { break }
    }
    isStalled = sent < buffer.count
    forget(sent)
  }

  /// Takes what was sent out of the buffer, and drops what was not; but the rest of a frame that
  /// the host has a part of stays, so that the stream stays whole.
  private mutating func forget(_ sent: Int) {
    var begin = 0
    var kept: ArraySlice<UInt8> = []
    for end in frameEnds {
      if begin >= sent && end > sent { dropped &+= 1 }
      if begin < sent && end > sent { kept = buffer[sent..<end] }
      begin = end
    }
    buffer = Array(kept)
    frameEnds = kept.isEmpty ? [] : [kept.count]
  }

  /// Waits until the host took the last write: virtio_console calls a port with an unconsumed
  /// nonblocking write full.
  mutating func settle(within limit: UInt64) {
    flush()
    if descriptor >= 0 { _ = awaitWritable(until: Time.after(limit)) }
  }

  private func awaitWritable(until limit: UInt64) -> Bool {
    while true {
      let found = guest_poll(descriptor, Int32(guest_poll_writable), Time.left(until: limit))
      if found > 0, found & Int32(guest_poll_writable) != 0 { return true }
      guard Time.now < limit else { return false }
      // Hung up: the host's end is closed, and poll does not wait while it is.
      if found != 0 { guest_sleep(Time.millisecond) }
    }
  }
}
