import HostOS
import Synchronization
import Virtio

/// A host side that takes and gives as many bytes as the input allows it, and remembers them.
final class FuzzEndpoint: ConsoleSink, ConsoleSource {
  private struct State {
    var taken: [UInt8] = []
    var appetite = 0
    var given = 0
    var supply = 0
    /// Claims to have moved more than there was.
    var lies = false
    var sinkWake: QueueWake?
    var sourceWake: QueueWake?
  }

  private let state = Mutex(State())

  /// What the guest wrote, as far as it was taken.
  var taken: [UInt8] { state.withLock { $0.taken } }
  /// How many bytes the guest was given.
  var given: Int { state.withLock { $0.given } }

  /// The bytes that the guest is given count up.
  static func byte(_ position: Int) -> UInt8 { UInt8(truncatingIfNeeded: position &* 7 + 3) }

  /// Lets that many bytes more through, each way.
  func allow(out: Int, in count: Int) {
    let wakes = state.withLock { state -> [QueueWake?] in
      state.appetite += out
      state.supply += count
      defer {
        if out > 0 { state.sinkWake = nil }
        if count > 0 { state.sourceWake = nil }
      }
      return [out > 0 ? state.sinkWake : nil, count > 0 ? state.sourceWake : nil]
    }
    for wake in wakes { wake?.signal() }
  }

  func beginToLie() {
    state.withLock { $0.lies = true }
  }

  func take(
    _ buffers: inout ReadableBuffers, from offset: Int, wake: QueueWake
  ) -> ConsoleTransfer {
    state.withLock { state in
      check(offset < buffers.byteCount, "a sink is asked to take nothing")
      let count = min(state.appetite, buffers.byteCount - offset)
      guard count > 0 else {
        state.sinkWake = wake
        return .later
      }
      var piece = [UInt8](repeating: 0, count: count)
      var span = piece.mutableSpan
      var room = span.mutableBytes
      check(buffers.read(at: offset, into: &room) == count, "bytes for a sink")
      state.taken += piece
      state.appetite -= count
      return .moved(state.lies ? count * 3 : count)
    }
  }

  func takeEmergency(_ byte: UInt8) -> Bool { true }

  func fill(_ buffers: inout WritableBuffers, wake: QueueWake) -> ConsoleTransfer {
    state.withLock { state in
      check(buffers.byteCount > 0, "a source is asked to fill nothing")
      let count = min(state.supply, buffers.byteCount)
      guard count > 0 else {
        state.sourceWake = wake
        return .later
      }
      let start = state.given
      let piece = (0..<count).map { Self.byte(start + $0) }
      check(buffers.write(piece.span.bytes, at: 0) == count, "bytes of a source")
      state.given += count
      state.supply -= count
      return .moved(state.lies ? count + 5 : count)
    }
  }
}
