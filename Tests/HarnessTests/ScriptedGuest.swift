import Glibc
import HostOS
import Machine
import Synchronization
import Virtio
import Wire

/// A machine whose telemetry is a socket that the test holds the guest's end of.
final class ScriptedGuest: Machine, Sendable {
  private let ends: [CInt]
  private let consolePipe: TestPipe
  private let endEvent: EventFD
  private let state = Mutex(State())

  private struct State {
    var sequence: UInt32 = 0
    var told = 0
    var end: MachineEnd?
    var reader = FrameReader()
    var orders: [ProgramOrder] = []
    var refusal: String?
  }

  init() throws {
    var pair: [CInt] = [-1, -1]
    try systemCall("socketpair") {
      socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair)
    }
    ends = pair
    try systemCall("fcntl") { fcntl(pair[0], F_SETFL, O_NONBLOCK) }
    consolePipe = try TestPipe()
    let reading = consolePipe.reading
    try systemCall("fcntl") { fcntl(reading, F_SETFL, O_NONBLOCK) }
    endEvent = try EventFD()
  }

  deinit {
    for end in ends { close(end) }
  }

  var console: CInt { consolePipe.reading }
  var telemetry: CInt { ends[0] }
  var ended: CInt { endEvent.raw }

  /// What the engine says of a feature that was asked for.
  var refusal: String? {
    get { state.withLock { $0.refusal } }
    set { state.withLock { $0.refusal = newValue } }
  }

  /// How many frames the socket has taken.
  var framesTold: Int { state.withLock { $0.told } }

  func end() -> MachineEnd? { state.withLock { $0.end } }
  func stop() {}
  func diskCounters() -> BlockCounters? { nil }
  func diskFailure() -> String? { nil }
  func featureRefusal() -> String? { refusal }

  func say(_ text: String) { consolePipe.write(Array(text.utf8)) }

  /// Lets the engine end, its streams closed at this end.
  func end(_ end: MachineEnd) {
    state.withLock { $0.end = end }
    shutdown(ends[1], CInt(SHUT_WR))
    consolePipe.closeWriting()
    endEvent.signal()
  }

  func greet() {
    event(
      .hello(
        Hello(
          runID: 1, monotonic: 1, realtime: 1, release: "6.1", cpus: 1, memory: 1,
          clockSource: "tsc")))
  }

  func event(_ event: Event) {
    send { event.frame(sequence: $0) }
  }

  func tell(_ event: ProgramEvent, damaged: Bool = false) {
    send(damaged: damaged) { event.frame(sequence: $0) }
  }

  private func send(damaged: Bool = false, _ frame: (UInt32) -> Frame) {
    let sequence = state.withLock { state in
      state.sequence += 1
      return state.sequence - 1
    }
    var bytes = frame(sequence).encoded()
    if damaged { bytes[bytes.count - 1] ^= 1 }
    // Waits while the host does not read, as a guest's program does.
    try? DescriptorIO.write(bytes, to: ends[1], subject: "the host")
    state.withLock { $0.told += 1 }
  }

  /// All orders so far; waits up to ten seconds for this many, and then for no more.
  func orders(atLeast count: Int) -> [ProgramOrder] {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    while true {
      let isReady = (try? Poll.wait(readable: ends[1], timeoutNanoseconds: 20_000_000)) ?? false
      if isReady, let bytes = try? DescriptorIO.readSome(ends[1], subject: "orders") {
        state.withLock { state in
          state.reader.append(bytes)
          while case .frame(let frame)? = state.reader.next() {
            if let order = try? ProgramOrder(decoding: frame) { state.orders.append(order) }
          }
        }
      }
      let orders = state.withLock { $0.orders }
      if orders.count >= count || MonotonicTime.now() >= deadline { return orders }
    }
  }
}

/// A pipe of a test.
final class TestPipe: Sendable {
  let reading: CInt
  let writing: CInt
  private let closed = Mutex((reading: false, writing: false))
  private let drained = Mutex(0)
  private let isDrained = Atomic<Bool>(false)
  private let note = Atomic<Int>(-1)

  init() throws {
    var ends: [CInt] = [-1, -1]
    try systemCall("pipe") { pipe(&ends) }
    reading = ends[0]
    writing = ends[1]
  }

  deinit {
    closeReading()
    closeWriting()
  }

  var noted: Int { note.load(ordering: .acquiring) }
  func note(_ value: Int) { note.store(value, ordering: .releasing) }

  func write(_ bytes: [UInt8]) {
    try? DescriptorIO.write(bytes, to: writing, subject: "the pipe")
  }

  func closeReading() {
    closed.withLock {
      if !$0.reading { close(reading) }
      $0.reading = true
    }
  }

  func closeWriting() {
    closed.withLock {
      if !$0.writing { close(writing) }
      $0.writing = true
    }
  }

  /// All that was written, once the writing end is closed.
  func readAll() throws -> [UInt8] {
    closeWriting()
    return try DescriptorIO.readToEnd(reading, subject: "the pipe")
  }

  /// Reads to the end, counting.
  func drainInBackground() {
    while let bytes = try? DescriptorIO.readSome(reading, subject: "the pipe"), !bytes.isEmpty {
      drained.withLock { $0 += bytes.count }
    }
    isDrained.store(true, ordering: .releasing)
  }

  /// How much was drained, once the end was seen; waits up to ten seconds for it.
  func waitForDrain() -> Int {
    for _ in 0..<1000 where !isDrained.load(ordering: .acquiring) { usleep(10_000) }
    return drained.withLock { $0 }
  }
}
