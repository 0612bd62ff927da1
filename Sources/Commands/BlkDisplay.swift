import HostOS
import Synchronization
import VhostUser
import Virtio

/// What `ktstr blk` shows: a live line on terminals, else a line now and then, and a final table.
final class BlkDisplay: Sendable {
  private struct State {
    var lineIsShown = false
    var lastReading: BlkReading?
    var lastPlain: BlkReading?
    var frontends = 0
    var counters: @Sendable () -> VhostUserCounters = { VhostUserCounters() }
  }

  private let device: BlockDevice
  private let title: String
  private let isQuiet: Bool
  private let isLive: Bool
  private let began = MonotonicTime.now()
  private let console = Console()
  private let state = Mutex(State())

  private static let liveInterval: UInt64 = 500_000_000
  private static let plainInterval: UInt64 = 10_000_000_000

  init(_ device: BlockDevice, title: String, isQuiet: Bool) {
    self.device = device
    self.title = title
    self.isQuiet = isQuiet
    isLive = !isQuiet && console.errorIsTerminal && Console.canRedraw(2)
  }

  /// How long to wait between two calls of `draw`.
  var intervalNanoseconds: UInt64 { isLive ? Self.liveInterval : Self.plainInterval }

  /// Says that the disk is there; `counters` are those of the transport.
  func begin(_ file: String, counters: @escaping @Sendable () -> VhostUserCounters) {
    let first = reading()
    state.withLock { state in
      state.counters = counters
      state.lastReading = first
      state.lastPlain = first
      let access = device.backing.isReadOnly ? ", read-only" : ""
      let size = BlkText.bytes(device.backing.byteCount)
      say("serving \(file) (\(size)\(access)) on \(title)", &state)
    }
  }

  /// Says what happened at the socket; on the server's thread.
  func take(_ event: VhostUserServerEvent) {
    state.withLock { state in
      switch event {
      case .connected: state.frontends = 1
      case .disconnected(let end):
        state.frontends = 0
        switch end {
        // Others look whether somebody answers, and go.
        case .peerClosed, .stopped: break
        case .protocolError(let error):
          say("let a frontend go that broke the protocol: \(error)", &state)
        case .systemError(let error): say("lost a frontend: \(error)", &state)
        }
      case .waiting: say("another frontend waits until this one is gone", &state)
      case .failed(let error): say("could not take a frontend: \(error)", &state)
      }
    }
  }

  /// Draws the live line again, or writes a line when something has happened since the last.
  func draw() {
    guard !isQuiet else { return }
    let now = reading()
    state.withLock { state in
      if isLive, let last = state.lastReading {
        let width = max(1, Console.columns(of: 2) - 1)
        let text = BlkText.line(from: last, to: now, frontends: state.frontends)
        console.raw("\r\u{1b}[K\(text.prefix(width))", to: 2)
        state.lineIsShown = true
      } else if let last = state.lastPlain, last.requests != now.requests {
        console.error(BlkText.line(from: last, to: now, frontends: state.frontends))
        state.lastPlain = now
      }
      state.lastReading = now
    }
  }

  /// Takes the live line away and prints the final table.
  func end() {
    guard !isQuiet else { return }
    let now = reading()
    state.withLock { state in
      clear(&state)
      let seconds = now.time.nanoseconds(since: began)
      console.out(BlkText.table(now.device, state.counters(), nanoseconds: seconds))
    }
  }

  private func reading() -> BlkReading {
    BlkReading(time: .now(), device: device.counters())
  }

  private func say(_ text: String, _ state: inout State) {
    guard !isQuiet else { return }
    clear(&state)
    console.error("ktstr: \(text)")
  }

  private func clear(_ state: inout State) {
    guard state.lineIsShown else { return }
    console.raw("\r\u{1b}[K", to: 2)
    state.lineIsShown = false
  }
}

/// The counters at one time.
struct BlkReading: Sendable {
  var time: MonotonicTime
  var device: BlockCounters

  /// Requests answered so far.
  var requests: UInt64 {
    device.reads &+ device.writes &+ device.flushes &+ device.getIDs &+ device.unsupported
      &+ device.ioErrors
  }
}
