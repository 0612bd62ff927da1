import Glibc
import HostOS
import Sandbox
import SystemPackage

/// Carries what the host has to say to the serial port, as fast as the guest takes it.
final class SerialInput {
  private let stopEvent: SharedStop
  private var thread: HostThread

  /// How long to wait before a full port is tried again.
  private static let pause: UInt64 = 2_000_000

  private final class SharedStop: Sendable {
    let event: EventFD

    init() throws(SystemCallError) { event = try EventFD() }
  }

  /// Starts to read a descriptor, which stays open as long as this lives.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd` or `pthread_create`.
  init(
    _ port: SerialPort, input: CInt, confinement: Confinement
  ) throws(SystemCallError) {
    let stop = try SharedStop()
    stopEvent = stop
    thread = try HostThread(name: "serial") {
      if confinement.bind(.device) { Self.run(port, input, stop: stop.event.raw) }
    }
  }

  /// Ends the thread; false when it was still there at the deadline.
  func stop(until deadline: MonotonicTime) -> Bool {
    stopEvent.event.signal()
    return thread.join(until: deadline)
  }

  private static func run(_ port: SerialPort, _ input: CInt, stop: CInt) {
    var waiting: ArraySlice<UInt8> = []
    while true {
      let source = waiting.isEmpty ? input : -1
      let timeout = waiting.isEmpty ? UInt64.max : pause
      guard
        let ready = try? Poll.wait(readable: [stop, source], timeoutNanoseconds: timeout),
        ready[0].isEmpty
      else { return }
      if !ready[1].isEmpty {
        do {
          waiting = try DescriptorIO.readSome(input, subject: "the console")[...]
        } catch {
          guard error.errno == .wouldBlock else { return }
          continue
        }
        // The host's end is closed: nothing will come any more.
        if waiting.isEmpty { return }
      }
      waiting = waiting.dropFirst(port.receive(waiting))
    }
  }
}
