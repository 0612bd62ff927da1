internal import CGuest

/// Two pipes between two workers, each end closed in whoever has no use for it, so that the end of
/// one worker is the end of file of the other.
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

  /// Keeps what the worker needs: the first of a pair writes to `there`, the second to `back`.
  func ends(isFirst: Bool) -> (read: Int32, write: Int32) {
    guest_close(isFirst ? there[0] : there[1])
    guest_close(isFirst ? back[1] : back[0])
    return isFirst ? (back[0], there[1]) : (there[0], back[1])
  }
}

extension Worker {
  /// Passes one byte to the partner and back; an iteration is a round trip.
  ///
  /// The first of the pair serves.
  mutating func pingpong(_ pipes: PipePair, isFirst: Bool) -> Never {
    let ends = pipes.ends(isFirst: isFirst)
    awaitStart()
    var byte: UInt8 = 0
    while !shallStop {
      if isFirst { send(byte, ends.write) }
      byte = receive(ends.read)
      if !isFirst { send(byte, ends.write) }
      byte &+= 1
      checkpoint(1)
    }
    leave()
  }

  private func send(_ byte: UInt8, _ descriptor: Int32) {
    var byte = byte
    let count = unsafe guest_write(descriptor, &byte, 1)
    if count != 1 { partnerLeft(Int32(truncatingIfNeeded: -min(count, 0))) }
  }

  private func receive(_ descriptor: Int32) -> UInt8 {
    var byte: UInt8 = 0
    let count = unsafe guest_read(descriptor, &byte, 1)
    // No byte and no error is the end of file: the partner is gone. EPIPE says so best.
    if count != 1 { partnerLeft(count == 0 ? 32 : Int32(truncatingIfNeeded: -count)) }
    return byte
  }

  /// The partner may see the stop first; then its end is no failure.
  private func partnerLeft(_ errno: Int32) {
    if shallStop { leave() }
    leave(.partner, errno)
  }
}
