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
    histogram.encode(into: &body)
    worst.encode(into: &body)
  }

  init(from body: inout ByteReader) throws(WireError) {
    id = try WorkerID(from: &body)
    kind = try LatencyKind(from: &body)
    histogram = try LatencyHistogram(from: &body)
    worst = try Sighting(from: &body)
  }
}

extension LatencyKind {
  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let raw = try body.uint8()
    guard let kind = LatencyKind(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    self = kind
  }
}

extension LatencyHistogram {
  func encode(into body: inout ByteWriter) {
    body.uint64(count)
    body.uint64(sum)
    body.uint64(minimum)
    body.uint64(maximum)
    let buckets = buckets.prefix(Self.bucketCount)
    body.uint16(UInt16(buckets.count))
    for bucket in buckets {
      body.uint16(bucket.index)
      body.uint32(bucket.count)
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    self.init()
    count = try body.uint64()
    sum = try body.uint64()
    minimum = try body.uint64()
    maximum = try body.uint64()
    var next = 0
    for _ in 0..<(try body.uint16()) {
      let place = body.offset
      let index = try body.uint16()
      // Ascending, so there are no more than there can be.
      guard Int(index) >= next, Int(index) < Self.bucketCount else {
        throw .badValue(offset: place, value: UInt64(index))
      }
      next = Int(index) + 1
      buckets.append(.init(index: index, count: try body.uint32()))
    }
  }
}
