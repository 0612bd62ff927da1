import HostOS
import Synchronization

/// How a machine ended, told once, by whichever vCPU saw it first.
final class Ending: Sendable {
  private let event: EventFD
  private let end = Mutex<MachineEnd?>(nil)

  /// Makes one of a machine that goes on.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd`.
  init() throws(SystemCallError) { event = try EventFD() }

  /// Becomes readable at the end, for good.
  var descriptor: CInt { event.raw }

  /// How it ended; nil before.
  var value: MachineEnd? { end.withLock { $0 } }

  /// Says how; later words change nothing.
  ///
  /// True for the first.
  @discardableResult
  func tell(_ how: MachineEnd) -> Bool {
    let isFirst = end.withLock { end in
      guard end == nil else { return false }
      end = how
      return true
    }
    if isFirst { event.signal() }
    return isFirst
  }
}
