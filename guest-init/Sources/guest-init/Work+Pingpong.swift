internal import CGuest
internal import GuestLogic

/// Two pipes between two workers.
///
/// Between processes each end is closed in whoever has no use for it, so that the end of one worker
/// is the end of file of the other; a thread closes its end when it leaves, to the same effect.
struct PipePair {
  private var there: [Int32] = [-1, -1]
  private var back: [Int32] = [-1, -1]

  /// Opens both pipes.
  ///
  /// - Throws: ``Failure`` when the kernel has no more of them.
  init() throws(Failure) {
    let first = unsafe guest_pipe(&there)
    guard first >= 0 else { throw Failure("pipe", result: Int(first)) }
    let second = unsafe guest_pipe(&back)
    guard second >= 0 else {
      close()
      throw Failure("pipe", result: Int(second))
    }
  }

  /// Closes all ends, in a process that is neither of the two.
  func close() {
    for descriptor in there + back where descriptor >= 0 { guest_close(descriptor) }
  }

  /// What the worker needs: the first of a pair writes to `there`, the second to `back`.
  func ends(isFirst: Bool) -> (read: Int32, write: Int32) {
    isFirst ? (back[0], there[1]) : (there[0], back[1])
  }

  /// Closes what the worker does not need.
  func closeOthers(isFirst: Bool) {
    guest_close(isFirst ? there[0] : there[1])
    guest_close(isFirst ? back[1] : back[0])
  }
}

extension Worker {
  /// Passes the time to the partner and back; an iteration is a round trip.
  ///
  /// The first of the pair serves.
  mutating func pingpong(_ pipes: PipePair?) -> Never {
    guard let pipes else { leave(.partner, 9) }
    let isFirst = number % 2 == 0
    if !spec.isThread { pipes.closeOthers(isFirst: isFirst) }
    let ends = pipes.ends(isFirst: isFirst)
    awaitStart()
    var errno: Int32 = 0
    while !shallStop && errno == 0 {
      if isFirst { errno = send(ends.write) }
      if errno == 0 { errno = receive(ends.read) }
      if !isFirst && errno == 0 { errno = send(ends.write) }
    }
    if spec.isThread { guest_close(ends.write) }
    // The partner may see the stop first; then its end is no failure.
    if errno == 0 || shallStop { leave() }
    leave(.partner, errno)
  }

  /// Returns 0 or an errno.
  private func send(_ descriptor: Int32) -> Int32 {
    var now = Time.now
    let count = unsafe guest_write(descriptor, &now, 8)
    return count == 8 ? 0 : max(1, Int32(truncatingIfNeeded: -min(count, 0)))
  }

  /// Returns 0 or an errno.
  private mutating func receive(_ descriptor: Int32) -> Int32 {
    var moment: UInt64 = 0
    let count = unsafe guest_read(descriptor, &moment, 8)
    // No byte and no error is the end of file: the partner is gone. EPIPE says so best.
    guard count == 8 else { return count >= 0 ? 32 : Int32(truncatingIfNeeded: -count) }
    checkpoint(1)
    recordWake(since: moment)
    return 0
  }
}
