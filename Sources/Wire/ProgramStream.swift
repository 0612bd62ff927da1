/// The streams of a program that a guest runs for the host.
package enum ProgramOutput: UInt8, Sendable, CaseIterable {
  /// Its standard output.
  case standardOutput = 1
  /// Its standard error.
  case standardError = 2
}

/// How a program of ``ProgramPlan`` came to its end.
package enum ProgramEnd: Equatable, Sendable {
  /// It called exit with this status.
  case exited(UInt8)
  /// A signal ended it.
  case signaled(UInt8)
  /// The kernel did not start it, for this errno.
  case notStarted(errno: Int32)
}

/// What the guest tells of its program; frames between those of ``Event``, in one sequence.
package enum ProgramEvent: Equatable, Sendable {
  /// Bytes that the program wrote, as they came.
  case output(ProgramOutput, [UInt8])
  /// The program has ended, and all that it wrote was told.
  case ended(ProgramEnd)

  /// The most bytes of output in one event.
  package static let maximumOutput = 24 << 10

  private enum Code {
    static let output: UInt8 = 32
    static let ended: UInt8 = 33
  }

  /// The event as a frame with the given place in the stream.
  package func frame(sequence: UInt32) -> Frame {
    var body = ByteWriter()
    let code: UInt8
    switch self {
    case .output(let stream, let bytes):
      code = Code.output
      body.uint8(stream.rawValue)
      body.raw(bytes)
    case .ended(let end):
      code = Code.ended
      switch end {
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
    return Frame(type: code, sequence: sequence, payload: body.bytes)
  }

  /// Reads an event out of a frame; nil for a frame of another kind.
  ///
  /// - Throws: ``WireError``.
  package init?(decoding frame: Frame) throws(WireError) {
    var body = ByteReader(frame.payload)
    switch frame.type {
    case Code.output:
      let raw = try body.uint8()
      guard let stream = ProgramOutput(rawValue: raw) else {
        throw .badValue(offset: 0, value: UInt64(raw))
      }
      self = .output(stream, Array(try body.take(body.remaining)))
    case Code.ended:
      let kind = try body.uint8()
      let value = try body.int32()
      switch kind {
      case 0: self = .ended(.exited(UInt8(truncatingIfNeeded: value)))
      case 1: self = .ended(.signaled(UInt8(truncatingIfNeeded: value)))
      case 2: self = .ended(.notStarted(errno: value))
      default: throw .badValue(offset: 0, value: UInt64(kind))
      }
    default: return nil
    }
  }
}

/// What the host tells the guest while a program runs.
package enum ProgramOrder: Equatable, Sendable {
  /// Bytes for the program's standard input.
  case input([UInt8])
  /// There will be no more input.
  case inputEnded
  /// Nobody reads this output any more: the program shall find out as it does with a pipe.
  case outputClosed(ProgramOutput)

  /// The most bytes of input in one order.
  package static let maximumInput = 8 << 10

  private enum Code {
    static let input: UInt8 = 64
    static let inputEnded: UInt8 = 65
    static let outputClosed: UInt8 = 66
  }

  /// The order as a frame with the given place in the stream.
  package func frame(sequence: UInt32) -> Frame {
    switch self {
    case .input(let bytes): Frame(type: Code.input, sequence: sequence, payload: bytes)
    case .inputEnded: Frame(type: Code.inputEnded, sequence: sequence, payload: [])
    case .outputClosed(let stream):
      Frame(type: Code.outputClosed, sequence: sequence, payload: [stream.rawValue])
    }
  }

  /// Reads an order out of a frame; nil for a frame of another kind.
  ///
  /// - Throws: ``WireError``.
  package init?(decoding frame: Frame) throws(WireError) {
    switch frame.type {
    case Code.input: self = .input(frame.payload)
    case Code.inputEnded: self = .inputEnded
    case Code.outputClosed:
      var body = ByteReader(frame.payload)
      let raw = try body.uint8()
      guard let stream = ProgramOutput(rawValue: raw) else {
        throw .badValue(offset: 0, value: UInt64(raw))
      }
      self = .outputClosed(stream)
    default: return nil
    }
  }
}
