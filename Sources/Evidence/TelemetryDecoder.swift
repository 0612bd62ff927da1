package import Wire

/// Turns the telemetry stream into events, and keeps account of its damage.
package struct TelemetryDecoder: Sendable {
  private var reader = FrameReader()
  /// How the stream fared so far.
  package private(set) var health = StreamHealth()

  /// Starts before the first byte.
  package init() {}

  /// Reads some bytes; the events that they complete, in order.
  package mutating func append(_ bytes: [UInt8]) -> [Event] {
    reader.append(bytes)
    var events: [Event] = []
    while let reading = reader.next() { take(reading, into: &events) }
    return events
  }

  /// Tells that the stream has ended; events found behind a cut frame.
  package mutating func finish() -> [Event] {
    var events: [Event] = []
    for reading in reader.finish() { take(reading, into: &events) }
    return events
  }

  private mutating func take(_ reading: FrameReading, into events: inout [Event]) {
    switch reading {
    case .frame(let frame):
      health.frames += 1
      do throws(WireError) {
        if let event = try Event(decoding: frame) {
          events.append(event)
        } else {
          health.unreadableFrames += 1
        }
      } catch {
        health.unreadableFrames += 1
      }
    case .garbage(let count): health.garbageBytes += count
    case .corrupt: health.corruptFrames += 1
    case .gap: health.gaps += 1
    case .cut(let count): health.cutBytes += count
    }
  }
}
