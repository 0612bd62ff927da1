package import HostOS
import Synchronization

/// Bytes in a ring of fixed capacity.
struct ByteRing: Sendable {
  private var storage: [UInt8]
  private var first = 0
  private(set) var count = 0

  init(capacity: Int) {
    precondition(capacity > 0, "a ring without room")
    storage = Array(repeating: 0, count: capacity)
  }

  var room: Int { storage.count - count }

  /// Adds as many of the bytes as there is room for; returns how many.
  mutating func append(_ bytes: some Collection<UInt8>) -> Int {
    let accepted = min(bytes.count, room)
    for byte in bytes.prefix(accepted) {
      storage[(first + count) % storage.count] = byte
      count += 1
    }
    return accepted
  }

  /// The longest stretch from the front that lies in one piece.
  var front: ArraySlice<UInt8> { storage[first..<min(first + count, storage.count)] }

  mutating func removeFirst(_ dropped: Int) {
    precondition(dropped >= 0 && dropped <= count, "dropping more than there is")
    first = (first + dropped) % storage.count
    count -= dropped
  }
}

/// Input for a guest that is written by calls, and kept up to a bound until the guest reads it.
package final class BufferedConsoleSource: ConsoleSource {
  private struct State {
    var bytes: ByteRing
    var isClosed = false
    /// Whom to tell of new bytes.
    var wake: QueueWake?
    /// A writer was cut short and wants to hear of room.
    var wantsRoom = false
  }

  private let state: Mutex<State>
  private let roomEvent: SharedEvent

  /// Makes an empty source that keeps at most `capacity` bytes.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init(capacity: Int = 64 << 10) throws(SystemCallError) {
    roomEvent = try SharedEvent()
    state = Mutex(State(bytes: ByteRing(capacity: capacity)))
  }

  /// Readable once there is room again after a write that was cut short; the next write drains it.
  package var roomDescriptor: CInt { roomEvent.raw }

  /// Bytes that the guest has not read.
  package var waitingCount: Int { state.withLock { $0.bytes.count } }

  /// Takes as many of the bytes as there is room for; returns how many, zero after `close`.
  package func write(_ bytes: some Collection<UInt8>) -> Int {
    let (accepted, wake) = state.withLock { state -> (Int, QueueWake?) in
      guard !state.isClosed else { return (0, nil) }
      _ = roomEvent.event.drain()
      let accepted = state.bytes.append(bytes)
      state.wantsRoom = accepted < bytes.count
      return (accepted, accepted > 0 ? state.wake.take() : nil)
    }
    wake?.signal()
    return accepted
  }

  /// Ends the input, after what was taken before.
  package func close() {
    let wake = state.withLock { state in
      state.isClosed = true
      return state.wake.take()
    }
    wake?.signal()
  }

  package func fill(_ buffers: inout WritableBuffers, wake: QueueWake) -> ConsoleTransfer {
    state.withLock { state in
      var moved = 0
      // Twice at most: the bytes lie in two pieces where the ring wraps around.
      while state.bytes.count > 0, moved < buffers.byteCount {
        let count = unsafe buffers.write(state.bytes.front.span.bytes, at: moved)
        state.bytes.removeFirst(count)
        moved += count
      }
      if moved > 0 {
        if state.wantsRoom { roomEvent.event.signal() }
        state.wantsRoom = false
        return .moved(moved)
      }
      if state.isClosed { return .closed }
      state.wake = wake
      return .later
    }
  }
}

/// Output of a guest that is kept up to a bound until the host reads it.
package final class BufferedConsoleSink: ConsoleSink {
  private struct State {
    var bytes: ByteRing
    var isClosed = false
    /// Whom to tell of room.
    var wake: QueueWake?
  }

  private let state: Mutex<State>

  /// Makes an empty sink that keeps at most `capacity` bytes.
  package init(capacity: Int = 64 << 10) {
    state = Mutex(State(bytes: ByteRing(capacity: capacity)))
  }

  /// Bytes that wait to be read.
  package var waitingCount: Int { state.withLock { $0.bytes.count } }

  /// Takes the oldest bytes, at most that many, and lets the guest go on.
  package func read(_ limit: Int = .max) -> [UInt8] {
    let (result, wake) = state.withLock { state -> ([UInt8], QueueWake?) in
      var result: [UInt8] = []
      while state.bytes.count > 0, result.count < limit {
        let piece = state.bytes.front.prefix(limit - result.count)
        result += piece
        state.bytes.removeFirst(piece.count)
      }
      return (result, result.isEmpty ? nil : state.wake.take())
    }
    wake?.signal()
    return result
  }

  /// Refuses all output from now on; what is kept can still be read.
  package func close() {
    let wake = state.withLock { state in
      state.isClosed = true
      return state.wake.take()
    }
    wake?.signal()
  }

  package func take(
    _ buffers: inout ReadableBuffers, from offset: Int, wake: QueueWake
  ) -> ConsoleTransfer {
    state.withLock { state in
      if state.isClosed { return .closed }
      let count = min(state.bytes.room, buffers.byteCount - offset)
      guard count > 0 else {
        state.wake = wake
        return .later
      }
      var piece = [UInt8](repeating: 0, count: count)
      var span = piece.mutableSpan
      var target = unsafe span.mutableBytes
      let moved = buffers.read(at: offset, into: &target)
      return .moved(state.bytes.append(piece.prefix(moved)))
    }
  }

  package func takeEmergency(_ byte: UInt8) -> Bool {
    state.withLock { !$0.isClosed && $0.bytes.append(CollectionOfOne(byte)) == 1 }
  }
}
