/// How often which latencies were seen, in nanoseconds: log-linear buckets of fixed number.
///
/// Below 64 ns each value has a bucket of its own; above, each power of two has 32 buckets, so a
/// value read back from the middle of its bucket is off by at most 1/64 (1.6 %). From 2^36 ns (68 s)
/// on all is in the last one. Count, sum, least and greatest are exact.
package struct LatencyHistogram: Equatable, Sendable {
  /// Some values that are taken for the same.
  package struct Bucket: Equatable, Sendable {
    /// Which of the buckets.
    package var index: UInt16
    /// How often; stops at the end of its range.
    package var count: UInt32

    /// Makes a bucket.
    package init(index: UInt16, count: UInt32) {
      self.index = index
      self.count = count
    }
  }

  /// How many buckets there are.
  package static let bucketCount = 1024
  private static let linear: UInt64 = 64
  private static let fineBits = 5
  private static let limit: UInt64 = 1 << 36

  /// How many values were seen.
  package var count: UInt64 = 0
  /// Their sum; wraps around beyond 2^64 ns (584 years).
  package var sum: UInt64 = 0
  /// The least; 0 while there is none.
  package var minimum: UInt64 = 0
  /// The greatest.
  package var maximum: UInt64 = 0
  /// Buckets that hold values, in ascending order.
  package var buckets: [Bucket] = []

  /// A histogram without values.
  package init() {}

  /// The bucket of a value.
  @inline(__always)
  package static func index(of value: UInt64) -> Int {
    guard value >= linear else { return Int(value) }
    guard value < limit else { return bucketCount - 1 }
    let exponent = 63 - value.leadingZeroBitCount
    let fine = Int((value >> UInt64(exponent - fineBits)) & ((1 << UInt64(fineBits)) - 1))
    return Int(linear) + (exponent - fineBits - 1) << fineBits + fine
  }

  /// The least value and the width of a bucket.
  package static func range(of index: Int) -> (lower: UInt64, width: UInt64) {
    guard index >= Int(linear) else { return (UInt64(max(index, 0)), 1) }
    let above = min(index, bucketCount - 1) - Int(linear)
    let shift = UInt64(above >> fineBits + 1)
    let fine = UInt64(above & (1 << fineBits - 1))
    return ((1 << UInt64(fineBits) + fine) << shift, 1 << shift)
  }

  /// Adds a value.
  package mutating func record(_ value: UInt64) {
    minimum = count == 0 ? value : min(minimum, value)
    maximum = max(maximum, value)
    count &+= 1
    sum &+= value
    add(Bucket(index: UInt16(Self.index(of: value)), count: 1))
  }

  /// Adds the values of another one.
  package mutating func merge(_ other: LatencyHistogram) {
    guard other.count > 0 else { return }
    minimum = count == 0 ? other.minimum : min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    count &+= other.count
    sum &+= other.sum
    for bucket in other.buckets { add(bucket) }
  }

  /// The value that a share of all values does not exceed (nearest rank); nil without values.
  ///
  /// - Parameter share: 0.5 for the median; taken as 0 to 1.
  package func percentile(_ share: Double) -> UInt64? {
    guard count > 0 else { return nil }
    let wanted = (Double(count) * min(max(share, 0), 1)).rounded(.up)
    let rank = max(1, wanted)
    // The ends are known exactly.
    if rank >= Double(count) { return maximum }
    var seen: UInt64 = 0
    for bucket in buckets {
      seen &+= UInt64(bucket.count)
      guard Double(seen) >= rank else { continue }
      let (lower, width) = Self.range(of: Int(bucket.index))
      return min(max(lower + width / 2, minimum), maximum)
    }
    return maximum
  }

  /// Half of the values are at most this; nil without values.
  package var median: UInt64? { percentile(0.5) }
  /// The mean; nil without values.
  package var mean: Double? { count > 0 ? Double(sum) / Double(count) : nil }

  private mutating func add(_ bucket: Bucket) {
    var low = 0
    var high = buckets.count
    while low < high {
      let middle = (low + high) / 2
      if buckets[middle].index < bucket.index { low = middle + 1 } else { high = middle }
    }
    guard low < buckets.count, buckets[low].index == bucket.index else {
      buckets.insert(bucket, at: low)
      return
    }
    let (total, overflow) = buckets[low].count.addingReportingOverflow(bucket.count)
    buckets[low].count = overflow ? .max : total
  }
}
