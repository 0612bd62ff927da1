import Glibc
import HostOS
import Synchronization

/// Waits for Ctrl-C and its like on a thread of its own, so that no wait of the program is deaf.
///
/// The program is told through a descriptor and a flag. Where it is busy with something that asks
/// for neither (a tool that runs, a lock that another holds), the thread ends the process itself.
final class InterruptWatch: Sendable {
  /// How long the program may take to notice.
  private static let grace: UInt64 = 1_700_000_000

  private let signals: SignalDescriptor
  private let event: EventFD
  private let flag = Atomic<Bool>(false)

  /// Catches the signals that end a program, but for those that its parent had it ignore.
  ///
  /// Make it before any other thread is started.
  ///
  /// - Throws: ``SystemCallError`` from `signalfd`, `eventfd` or `pthread_create`.
  init() throws(SystemCallError) {
    event = try EventFD()
    signals = try SignalDescriptor(
      catching: [SIGINT, SIGTERM, SIGHUP].filter { !SignalDescriptor.isIgnored($0) })
    // Nobody joins it: it lives as long as the process.
    _ = try HostThread(name: "interrupts") { [self] in serve() }
  }

  /// Readable from the moment of the first signal on.
  var descriptor: CInt { event.raw }

  /// Whether there was a signal.
  var hasFired: Bool { flag.load(ordering: .acquiring) }

  private func serve() {
    var deadline: MonotonicTime?
    while true {
      let left = deadline.map { $0.nanoseconds(since: .now()) } ?? 1_000_000_000
      _ = try? Poll.wait(readable: signals.raw, timeoutNanoseconds: left)
      if signals.next() != nil, deadline == nil {
        flag.store(true, ordering: .releasing)
        event.signal()
        deadline = MonotonicTime.now().advanced(byNanoseconds: Self.grace)
      }
      if let deadline, MonotonicTime.now() >= deadline {
        try? DescriptorIO.write(
          Array("ktstr: interrupted\n".utf8), to: 2, subject: "standard error")
        _exit(ExitCode.interrupted.rawValue)
      }
    }
  }
}
