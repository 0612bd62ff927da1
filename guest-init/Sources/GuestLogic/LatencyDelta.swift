package import Wire

/// Makes the latencies of an interval out of histograms that only grow.
package struct LatencyDelta {
  private var before: [UInt32]
  private var counts: [UInt32]

  /// Makes one for the histograms of so many workers, all of which begin empty.
  package init(workers: Int) {
    before = [UInt32](repeating: 0, count: max(0, workers) * LatencyHistogram.bucketCount)
    counts = [UInt32](repeating: 0, count: LatencyHistogram.bucketCount)
  }

  /// Takes how much a bucket of a worker holds now; what is new counts.
  package mutating func note(worker: Int, bucket: Int, _ now: UInt32) {
    let place = worker * LatencyHistogram.bucketCount + bucket
    guard bucket >= 0, bucket < counts.count, place >= 0, place < before.count,
      now > before[place]
    else { return }
    let (sum, overflow) = counts[bucket].addingReportingOverflow(now - before[place])
    counts[bucket] = overflow ? .max : sum
    before[place] = now
  }

  /// What was new since the last time, of all workers together; each value that of its bucket's
  /// middle.
  package mutating func take() -> LatencyHistogram {
    var histogram = LatencyHistogram()
    for index in counts.indices where counts[index] > 0 {
      let (lower, width) = LatencyHistogram.range(of: index)
      let value = lower + width / 2
      if histogram.count == 0 { histogram.minimum = value }
      histogram.maximum = value
      histogram.count &+= UInt64(counts[index])
      histogram.sum &+= value &* UInt64(counts[index])
      histogram.buckets.append(.init(index: UInt16(index), count: counts[index]))
      counts[index] = 0
    }
    return histogram
  }
}
