import Glibc
import HostOS
import Machine
import Virtio

/// A machine without a guest: what it says is written into its pipes by the test.
final class FakeMachine: Machine {
  private let consoleStream: Stream
  private let telemetryStream: Stream
  private let endStream: Stream
  private var hasStopped = false

  /// Called each time that the run looks at the machine.
  var onLook: (FakeMachine) -> Void = { _ in }

  init() throws {
    consoleStream = try Stream()
    telemetryStream = try Stream()
    endStream = try Stream()
  }

  var console: CInt { consoleStream.reading }
  var telemetry: CInt { telemetryStream.reading }
  var ended: CInt { endStream.reading }

  func say(_ text: String) { consoleStream.send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) { telemetryStream.send(bytes) }

  /// Lets the guest stop in order.
  func stopGuest() {
    hasStopped = true
    endStream.send([0])
  }

  func end() -> MachineEnd? { hasStopped ? .guestStopped : nil }

  func stop() {
    onLook = { _ in }
    consoleStream.closeInput()
    telemetryStream.closeInput()
  }

  func diskCounters() -> BlockCounters? { nil }

  func diskFailure() -> String? {
    onLook(self)
    return nil
  }
}

/// A pipe that is never waited for: what does not fit is lost.
private final class Stream {
  let reading: CInt
  private var writing: CInt

  init() throws {
    var ends: [CInt] = [-1, -1]
    try systemCall("pipe") { pipe(&ends) }
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    reading = ends[0]
    writing = ends[1]
  }

  deinit {
    close(reading)
    closeInput()
  }

  func send(_ bytes: [UInt8]) {
    _ = write(writing, bytes, bytes.count)
  }

  func closeInput() {
    if writing >= 0 { close(writing) }
    writing = -1
  }
}
