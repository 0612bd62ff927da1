/// What is measured only where the scenario asks for it, because it costs the guest something.
package struct MeasurePlan: Equatable, Sendable {
  /// A group whose latencies are told interval by interval.
  package struct LatencyWatch: Hashable, Sendable {
    /// Index into ``Plan/work``.
    package var work: UInt16
    /// Which of its latencies.
    package var kind: LatencyKind

    /// Makes a watch.
    package init(work: UInt16, kind: LatencyKind) {
      self.work = work
      self.kind = kind
    }
  }

  /// Whether it is told where the pages of workers are, and where workers were.
  package var pages: Bool
  /// Latencies that are told with each sample.
  package var latencies: [LatencyWatch]

  /// Makes a plan of measures; without arguments none.
  package init(pages: Bool = false, latencies: [LatencyWatch] = []) {
    self.pages = pages
    self.latencies = latencies
  }

  func encode(into body: inout ByteWriter) {
    body.uint8(pages ? 1 : 0)
    body.uint16(UInt16(truncatingIfNeeded: latencies.count))
    for watch in latencies {
      body.uint16(watch.work)
      body.uint8(watch.kind.rawValue)
    }
  }

  /// - Parameter work: how many groups there are.
  init(from body: inout ByteReader, work: Int) throws(WireError) {
    pages = try body.flag()
    latencies = []
    for _ in 0..<(try body.uint16()) {
      let offset = body.offset
      let group = try body.uint16()
      guard Int(group) < work else { throw .badValue(offset: offset, value: UInt64(group)) }
      latencies.append(LatencyWatch(work: group, kind: try LatencyKind(from: &body)))
    }
  }
}
