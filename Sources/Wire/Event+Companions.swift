/// What became of a scheduler of the plan.
package struct SchedulerEvent: Equatable, Sendable {
  /// What happened.
  package enum What: Equatable, Sendable {
    /// Its program runs.
    case started(pid: UInt32)
    /// The kernel says that a scheduler is enabled, and what it is called.
    case attached(name: String)
    /// It was never attached, or not in time; the reason and the last lines of its log.
    case notAttached(text: String)
    /// It is not attached any more, and nobody asked for that; ``ended(_:)`` follows.
    case lost(state: String)
    /// It is gone, and all that it said was told.
    case ended(SchedulerEnd)
    /// Bytes that its program wrote.
    case output(ProgramOutput, [UInt8])
    /// The program wrote more than is kept; the rest is left out.
    case outputCut(ProgramOutput)
    /// It is told to go; ``ended(_:)`` follows.
    case toldToGo
  }

  /// Index into ``Plan/schedulers``.
  package var scheduler: UInt16
  /// Guest monotonic time; of an end, the moment at which it was seen.
  package var monotonic: UInt64
  /// What happened.
  package var what: What

  /// Makes an event.
  package init(scheduler: UInt16, monotonic: UInt64, what: What) {
    self.scheduler = scheduler
    self.monotonic = monotonic
    self.what = what
  }
}

/// How a scheduler came to its end.
package struct SchedulerEnd: Equatable, Sendable {
  /// Whether init had told it to stop.
  package var isDeliberate: Bool
  /// How its program ended; nil for one that is still there.
  package var process: ProgramEnd?
  /// `/sys/kernel/sched_ext/state` behind the end.
  package var state: String
  /// What the kernel's log says of sched_ext since the scheduler was started, line by line.
  package var kernelLog: String

  /// Makes an end.
  package init(isDeliberate: Bool, process: ProgramEnd?, state: String, kernelLog: String) {
    self.isDeliberate = isDeliberate
    self.process = process
    self.state = state
    self.kernelLog = kernelLog
  }
}

/// What became of a payload of the plan.
package struct PayloadEvent: Equatable, Sendable {
  /// Why a payload ended.
  package enum Cause: UInt8, Sendable, CaseIterable {
    /// By itself.
    case itself = 0
    /// Its limit was over.
    case limit = 1
    /// The work was over.
    case endOfWork = 2
  }

  /// What happened.
  package enum What: Equatable, Sendable {
    /// It runs.
    case started(pid: UInt32)
    /// Bytes that it wrote.
    case output(ProgramOutput, [UInt8])
    /// It wrote more than is kept; the rest is left out.
    case outputCut(ProgramOutput)
    /// The next bytes of a file of the plan.
    case file(index: UInt16, [UInt8])
    /// A file of the plan could not be read, for this errno.
    case fileMissing(index: UInt16, errno: Int32)
    /// It has ended; nil where not even SIGKILL ended it.
    case ended(ProgramEnd?, Cause)
  }

  /// Index into ``Plan/payloads``.
  package var payload: UInt16
  /// Guest monotonic time.
  package var monotonic: UInt64
  /// What happened.
  package var what: What

  /// Makes an event.
  package init(payload: UInt16, monotonic: UInt64, what: What) {
    self.payload = payload
    self.monotonic = monotonic
    self.what = what
  }
}

extension ProgramOutput {
  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let raw = try body.uint8()
    guard let stream = ProgramOutput(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    self = stream
  }
}

/// An end that may not be known: a code, and the status, signal or errno.
private enum EndCoding {
  static func encode(_ end: ProgramEnd?, into body: inout ByteWriter) {
    switch end {
    case nil:
      body.uint8(3)
      body.int32(0)
    case .exited(let status):
      body.uint8(0)
      body.int32(Int32(status))
    case .signaled(let number):
      body.uint8(1)
      body.int32(Int32(number))
    case .notStarted(let errno):
      body.uint8(2)
      body.int32(errno)
    }
  }

  static func decode(from body: inout ByteReader) throws(WireError) -> ProgramEnd? {
    let offset = body.offset
    let code = try body.uint8()
    let value = try body.int32()
    switch code {
    case 0: return .exited(UInt8(truncatingIfNeeded: value))
    case 1: return .signaled(UInt8(truncatingIfNeeded: value))
    case 2: return .notStarted(errno: value)
    case 3: return nil
    default: throw .badValue(offset: offset, value: UInt64(code))
    }
  }
}

extension SchedulerEvent {
  /// The longest text of each kind, so that the frame stays within ``Frame/maximumPayload``.
  private static let longestText = 16 << 10

  func encode(into body: inout ByteWriter) {
    body.uint16(scheduler)
    body.uint64(monotonic)
    switch what {
    case .started(let pid):
      body.uint8(0)
      body.uint32(pid)
    case .attached(let name):
      body.uint8(1)
      body.string(name, limit: Self.longestText)
    case .notAttached(let text):
      body.uint8(2)
      body.string(text, limit: Self.longestText)
    case .lost(let state):
      body.uint8(3)
      body.string(state, limit: Self.longestText)
    case .ended(let end):
      body.uint8(4)
      body.uint8(end.isDeliberate ? 1 : 0)
      EndCoding.encode(end.process, into: &body)
      body.string(end.state, limit: Self.longestText)
      body.string(end.kernelLog, limit: Self.longestText)
    case .output(let stream, let bytes):
      body.uint8(5)
      body.uint8(stream.rawValue)
      body.sized(bytes)
    case .outputCut(let stream):
      body.uint8(6)
      body.uint8(stream.rawValue)
    case .toldToGo: body.uint8(7)
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    scheduler = try body.uint16()
    monotonic = try body.uint64()
    let offset = body.offset
    let code = try body.uint8()
    switch code {
    case 0: what = .started(pid: try body.uint32())
    case 1: what = .attached(name: try body.string())
    case 2: what = .notAttached(text: try body.string())
    case 3: what = .lost(state: try body.string())
    case 4:
      let isDeliberate = try body.flag()
      let process = try EndCoding.decode(from: &body)
      what = .ended(
        SchedulerEnd(
          isDeliberate: isDeliberate, process: process, state: try body.string(),
          kernelLog: try body.string()))
    case 5:
      let stream = try ProgramOutput(from: &body)
      what = .output(stream, try body.sized())
    case 6: what = .outputCut(try ProgramOutput(from: &body))
    case 7: what = .toldToGo
    default: throw .badValue(offset: offset, value: UInt64(code))
    }
  }
}

extension PayloadEvent {
  func encode(into body: inout ByteWriter) {
    body.uint16(payload)
    body.uint64(monotonic)
    switch what {
    case .started(let pid):
      body.uint8(0)
      body.uint32(pid)
    case .output(let stream, let bytes):
      body.uint8(1)
      body.uint8(stream.rawValue)
      body.sized(bytes)
    case .outputCut(let stream):
      body.uint8(2)
      body.uint8(stream.rawValue)
    case .file(let index, let bytes):
      body.uint8(3)
      body.uint16(index)
      body.sized(bytes)
    case .fileMissing(let index, let errno):
      body.uint8(4)
      body.uint16(index)
      body.int32(errno)
    case .ended(let end, let cause):
      body.uint8(5)
      EndCoding.encode(end, into: &body)
      body.uint8(cause.rawValue)
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    payload = try body.uint16()
    monotonic = try body.uint64()
    let offset = body.offset
    let code = try body.uint8()
    switch code {
    case 0: what = .started(pid: try body.uint32())
    case 1:
      let stream = try ProgramOutput(from: &body)
      what = .output(stream, try body.sized())
    case 2: what = .outputCut(try ProgramOutput(from: &body))
    case 3:
      let index = try body.uint16()
      what = .file(index: index, try body.sized())
    case 4:
      let index = try body.uint16()
      what = .fileMissing(index: index, errno: try body.int32())
    case 5:
      let end = try EndCoding.decode(from: &body)
      let offset = body.offset
      let raw = try body.uint8()
      guard let cause = Cause(rawValue: raw) else {
        throw .badValue(offset: offset, value: UInt64(raw))
      }
      what = .ended(end, cause)
    default: throw .badValue(offset: offset, value: UInt64(code))
    }
  }
}

extension ByteWriter {
  /// Appends a 32-bit length and that many bytes.
  fileprivate mutating func sized(_ bytes: [UInt8]) {
    uint32(UInt32(truncatingIfNeeded: bytes.count))
    raw(bytes)
  }
}

extension ByteReader {
  /// Reads a 32-bit length and that many bytes.
  fileprivate mutating func sized() throws(WireError) -> [UInt8] {
    Array(try take(Int(try uint32())))
  }
}
