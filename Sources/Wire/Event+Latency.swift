/// What a latency is the latency of.
package enum LatencyKind: UInt8, Sendable, CaseIterable {
  /// From the moment a worker should run again (its timer, its waker's call) until it does.
  case wake = 1
  /// From the moment something was asked for until it was done.
  case request = 2
}

/// The latencies of one worker over the whole work.
package struct LatencyReport: Equatable, Sendable {
  /// Which worker.
  package var id: WorkerID
  /// Of what.
  package var kind: LatencyKind
  /// How often which.
  package var histogram: LatencyHistogram
  /// Where and when the longest of them came to its end.
  package var worst: Sighting

  /// Makes a report.
  package init(
    id: WorkerID, kind: LatencyKind, histogram: LatencyHistogram,
    worst: Sighting = Sighting(cpu: 0, nanoseconds: 0)
  ) {
    self.id = id
    self.kind = kind
    self.histogram = histogram
    self.worst = worst
  }

  func encode(into body: inout ByteWriter) {
    id.encode(into: &body)
    body.uint8(kind.rawValue)
    body.uint64(histogram.count)
    body.uint64(histogram.sum)
    body.uint64(histogram.minimum)
    body.uint64(histogram.maximum)
    let buckets = histogram.buckets.prefix(LatencyHistogram.bucketCount)
    body.uint16(UInt16(buckets.count))
    for bucket in buckets {
      body.uint16(bucket.index)
      body.uint32(bucket.count)
    }
    worst.encode(into: &body)
  }

  init(from body: inout ByteReader) throws(WireError) {
    id = try WorkerID(from: &body)
    let offset = body.offset
    let raw = try body.uint8()
    guard let kind = LatencyKind(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    self.kind = kind
    histogram = LatencyHistogram()
    histogram.count = try body.uint64()
    histogram.sum = try body.uint64()
    histogram.minimum = try body.uint64()
    histogram.maximum = try body.uint64()
    var next = 0
    for _ in 0..<(try body.uint16()) {
      let place = body.offset
      let index = try body.uint16()
      // Ascending, so there are no more than there can be.
      guard Int(index) >= next, Int(index) < LatencyHistogram.bucketCount else {
        throw .badValue(offset: place, value: UInt64(index))
      }
      next = Int(index) + 1
      histogram.buckets.append(.init(index: index, count: try body.uint32()))
    }
    worst = try Sighting(from: &body)
  }
}
