/// Something that happened in the course of the phases.
package struct PhaseReport: Equatable, Sendable {
  /// How a phase's hold ended.
  package enum End: UInt8, Sendable, CaseIterable {
    /// Its time was over.
    case held = 0
    /// Its condition came to hold.
    case conditionMet = 1
    /// Its condition did not come to hold within its limit.
    case limitReached = 2
    /// The run was too late to begin it, or to go on with it.
    case givenUp = 3
  }

  /// What happened.
  package enum What: Equatable, Sendable {
    /// The phase began; its actions come next.
    case began
    /// An action ended: its place in the phase, when it was begun, what it was, and why it failed
    /// (empty when it did not), with the errno behind that or 0.
    case action(number: UInt16, began: UInt64, text: String, failure: String, errno: Int32)
    /// The phase ended; the next one begins at the same moment.
    case ended(End)
  }

  /// The place in ``Plan/steps``.
  package var step: UInt32
  /// The phase's name.
  package var phase: String
  /// Guest monotonic time; of an action that of its end, of a start the moment at which the workers
  /// were let go.
  package var monotonic: UInt64
  /// What happened.
  package var what: What

  /// Makes a report.
  package init(step: UInt32, phase: String, monotonic: UInt64, what: What) {
    self.step = step
    self.phase = phase
    self.monotonic = monotonic
    self.what = what
  }

  /// The longest text of an action, in bytes.
  private static let maximumText = 4096

  func encode(into body: inout ByteWriter) {
    body.uint32(step)
    body.string(phase, limit: Self.maximumText)
    body.uint64(monotonic)
    switch what {
    case .began:
      body.uint8(0)
    case .action(let number, let began, let text, let failure, let errno):
      body.uint8(1)
      body.uint16(number)
      body.uint64(began)
      body.string(text, limit: Self.maximumText)
      body.string(failure, limit: Self.maximumText)
      body.int32(errno)
    case .ended(let end):
      body.uint8(2)
      body.uint8(end.rawValue)
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    let step = try body.uint32()
    let phase = try body.string()
    let monotonic = try body.uint64()
    let offset = body.offset
    let code = try body.uint8()
    let what: What
    switch code {
    case 0: what = .began
    case 1:
      what = .action(
        number: try body.uint16(), began: try body.uint64(), text: try body.string(),
        failure: try body.string(), errno: try body.int32())
    case 2:
      let raw = try body.uint8()
      guard let end = End(rawValue: raw) else {
        throw .badValue(offset: offset + 1, value: UInt64(raw))
      }
      what = .ended(end)
    default: throw .badValue(offset: offset, value: UInt64(code))
    }
    self.init(step: step, phase: phase, monotonic: monotonic, what: what)
  }
}
