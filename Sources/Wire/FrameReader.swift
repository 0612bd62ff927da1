/// What a ``FrameReader`` found in the stream.
package enum FrameReading: Equatable, Sendable {
  /// A whole frame with a right checksum.
  case frame(Frame)
  /// Bytes that belong to no frame were skipped.
  case garbage(byteCount: Int)
  /// A header was right but the payload's checksum was not; the frame is lost.
  case corrupt(type: UInt8, sequence: UInt32)
  /// Sequence numbers are missing (`found > expected`) or went backwards.
  case gap(expected: UInt32, found: UInt32)
  /// The stream ended inside a frame.
  case cut(byteCount: Int)
}

/// Splits a byte stream into frames, and finds the next one after garbage.
///
/// Nothing that it reads can trap it or make it hold more than one frame and one `append`.
package struct FrameReader: Sendable {
  private var buffer: [UInt8] = []
  private var start = 0
  private var skipped = 0
  private var expected: UInt32 = 0
  private var pending: Frame?

  /// Starts before the first frame.
  package init() {}

  /// Adds bytes as they arrive.
  package mutating func append(_ bytes: some Sequence<UInt8>) {
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next finding, or nil when more bytes are needed.
  package mutating func next() -> FrameReading? {
    if let frame = pending {
      pending = nil
      return .frame(frame)
    }
    while true {
      let available = buffer.count - start
      guard matchesMagicPrefix(available) else {
        skip(1)
        continue
      }
      // Garbage is told of only when what follows it is known, so that readings do not depend on
      // how the bytes were cut into pieces on their way.
      guard available >= Frame.headerSize else { return nil }
      guard let header = header() else {
        skip(1)
        continue
      }
      if let garbage = takeGarbage() { return garbage }
      let end = start + Frame.headerSize + header.length
      guard buffer.count >= end else { return nil }
      return take(header, end: end)
    }
  }

  /// Tells that no more bytes will come, and gives all findings that are left.
  ///
  /// Frames behind a cut one are still found.
  package mutating func finish() -> [FrameReading] {
    var readings: [FrameReading] = []
    var cut: (byteCount: Int, readings: Int)?
    while true {
      while let reading = next() {
        if case .garbage = reading {} else { cut = nil }
        readings.append(reading)
      }
      let left = buffer.count - start
      guard left > 0 else { break }
      // What is left begins like a frame that never became whole. Unless something whole lies
      // behind it, all of it is one cut.
      if cut == nil {
        if let garbage = takeGarbage() { readings.append(garbage) }
        cut = (left, readings.count)
      }
      skip(1)
    }
    if let cut {
      readings.removeSubrange(cut.readings...)
      readings.append(.cut(byteCount: cut.byteCount))
      skipped = 0
    } else if let garbage = takeGarbage() {
      readings.append(garbage)
    }
    buffer.removeAll()
    start = 0
    return readings
  }

  private struct Header {
    var type: UInt8
    var sequence: UInt32
    var length: Int
    var checksum: UInt32
  }

  private func matchesMagicPrefix(_ available: Int) -> Bool {
    var magic = Frame.magic
    for index in 0..<min(4, available) {
      if buffer[start + index] != UInt8(truncatingIfNeeded: magic) { return false }
      magic >>= 8
    }
    return true
  }

  private func header() -> Header? {
    var reader = ByteReader(buffer[start..<start + Frame.headerSize])
    do throws(WireError) {
      _ = try reader.uint32()
      let version = try reader.uint8()
      let type = try reader.uint8()
      let check = try reader.uint16()
      let sequence = try reader.uint32()
      let length = try reader.uint32()
      let checksum = try reader.uint32()
      guard version == Frame.version, length <= UInt32(Frame.maximumPayload),
        check
          == Frame.headerCheck(version: version, type: type, sequence: sequence, length: length)
      else { return nil }
      return Header(type: type, sequence: sequence, length: Int(length), checksum: checksum)
    } catch {
      return nil
    }
  }

  private mutating func take(_ header: Header, end: Int) -> FrameReading {
    let payload = buffer[(start + Frame.headerSize)..<end]
    var crc = CRC32C()
    crc.update(buffer[start..<start + 16])
    crc.update(payload)
    guard crc.value == header.checksum else {
      // Only the header is passed over: a whole frame may lie inside the wreck.
      start += Frame.headerSize
      if header.sequence == expected { expected = header.sequence &+ 1 }
      return .corrupt(type: header.type, sequence: header.sequence)
    }
    let frame = Frame(type: header.type, sequence: header.sequence, payload: Array(payload))
    start = end
    let wanted = expected
    expected = header.sequence &+ 1
    if header.sequence != wanted {
      pending = frame
      return .gap(expected: wanted, found: header.sequence)
    }
    return .frame(frame)
  }

  private mutating func skip(_ count: Int) {
    start += count
    skipped += count
  }

  private mutating func takeGarbage() -> FrameReading? {
    guard skipped > 0 else { return nil }
    let count = skipped
    skipped = 0
    return .garbage(byteCount: count)
  }
}
