import Testing
import Wire

@Suite struct LatencyHistogramTests {
  @Test func `every value lies in its bucket, and buckets follow each other without a gap`() {
    var next: UInt64 = 0
    for index in 0..<LatencyHistogram.bucketCount {
      let (lower, width) = LatencyHistogram.range(of: index)
      #expect(lower == next)
      #expect(LatencyHistogram.index(of: lower) == index)
      #expect(LatencyHistogram.index(of: lower + width - 1) == index)
      next = lower + width
    }
    // What is longer goes into the last one.
    #expect(next == 1 << 36)
    #expect(LatencyHistogram.index(of: next) == LatencyHistogram.bucketCount - 1)
    #expect(LatencyHistogram.index(of: .max) == LatencyHistogram.bucketCount - 1)
  }

  @Test func `no bucket is wider than a 32nd of its least value`() {
    for index in 64..<LatencyHistogram.bucketCount {
      let (lower, width) = LatencyHistogram.range(of: index)
      #expect(width * 32 <= lower)
    }
  }

  @Test func `percentiles are off by 1.6 percent at most, and the ends by nothing`() throws {
    let seed: UInt64 = 0x6869_7374
    var generator = SeededGenerator(seed: seed)
    for round in 0..<50 {
      // From nanoseconds to seconds, each order of magnitude as often.
      let values = (0..<Int.random(in: 1...500, using: &generator)).map { _ in
        UInt64.random(
          in: 0...(1 << UInt64.random(in: 1...35, using: &generator)), using: &generator)
      }
      let histogram = Examples.latencies(values)
      let sorted = values.sorted()
      for share in [0.01, 0.5, 0.9, 0.99, 0.999, 1] {
        let rank = max(1, Int((Double(values.count) * share).rounded(.up)))
        let exact = sorted[rank - 1]
        let found = try #require(histogram.percentile(share))
        let error = Double(max(exact, found) - min(exact, found))
        #expect(error <= Double(exact) / 64, "seed \(seed), round \(round), \(share)")
      }
      #expect(histogram.percentile(1) == sorted.last)
      #expect(histogram.minimum == sorted.first)
      #expect(histogram.sum == values.reduce(0, +))
      #expect(histogram.count == UInt64(values.count))
    }
  }

  @Test func `without values there is no percentile and no mean`() {
    let none = LatencyHistogram()
    #expect(none.percentile(0.5) == nil)
    #expect(none.mean == nil)
    #expect(Examples.latencies([0]).median == 0)
    #expect(Examples.latencies([10, 20]).mean == 15)
  }

  @Test func `two merged are one of all values`() {
    let (first, second): ([UInt64], [UInt64]) = ([5, 900, 70_000], [1, 900, 1 << 50])
    var merged = Examples.latencies(first)
    merged.merge(LatencyHistogram())
    merged.merge(Examples.latencies(second))
    #expect(merged == Examples.latencies(first + second))
    var empty = LatencyHistogram()
    empty.merge(merged)
    #expect(empty == merged)
  }

  @Test func `a full bucket stays full and the total goes on`() {
    var full = Examples.latencies([7])
    full.buckets[0].count = .max
    full.merge(Examples.latencies([7]))
    #expect(full.buckets == [.init(index: 7, count: .max)])
    #expect(full.count == 2)
  }

  @Test func `a seeded choice is the same again and keeps its limit`() {
    var one = SeededRandom(seed: 7)
    var other = SeededRandom(seed: 7)
    var seen: Set<UInt64> = []
    for _ in 0..<1000 {
      let number = one.next(below: 10)
      #expect(number == other.next(below: 10))
      #expect(number < 10)
      seen.insert(number)
    }
    #expect(seen.count == 10)
    #expect(one.next(below: 0) == 0)
  }
}
