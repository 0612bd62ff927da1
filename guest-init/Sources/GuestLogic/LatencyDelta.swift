package import Wire

/// Makes the latencies of an interval out of a histogram that only grows.
package struct LatencyDelta {
  private var before = [UInt32](repeating: 0, count: LatencyHistogram.bucketCount)
  private var histogram = LatencyHistogram()

  /// Makes one for a histogram that begins empty.
  package init() {}

  /// Takes how much a bucket holds now, bucket by bucket in ascending order; what is new counts,
  /// also over the end of the bucket's range.
  package mutating func note(bucket: Int, _ now: UInt32) {
    guard bucket >= 0, bucket < before.count, now != before[bucket] else { return }
    let new = now &- before[bucket]
    before[bucket] = now
    let (lower, width) = LatencyHistogram.range(of: bucket)
    let value = lower + width / 2
    if histogram.count == 0 { histogram.minimum = value }
    histogram.maximum = value
    histogram.count &+= UInt64(new)
    histogram.sum &+= value &* UInt64(new)
    histogram.buckets.append(.init(index: UInt16(bucket), count: new))
  }

  /// What was new since the last time; each value that of its bucket's middle.
  package mutating func take() -> LatencyHistogram {
    let taken = histogram
    histogram = LatencyHistogram()
    return taken
  }
}
