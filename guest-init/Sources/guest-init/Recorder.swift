internal import CGuest
internal import Synchronization
internal import Wire

/// The latency histograms of all workers, in memory that init shares with them.
///
/// A page is given when it is first touched: workers that measure nothing cost nothing.
@safe struct Recorders {
  private static let header = 64
  fileprivate static let size = header + LatencyHistogram.bucketCount * 4

  private let base: UnsafeMutableRawPointer
  private let count: Int

  /// Makes room for workers; nil without memory.
  init?(workers: Int) {
    count = workers * LatencyKind.allCases.count
    guard let memory = unsafe guest_map_lazy(max(1, count) * Self.size, 1) else { return nil }
    unsafe base = memory
  }

  /// A worker's recorder of one kind.
  func recorder(_ worker: Int, _ kind: LatencyKind) -> Recorder {
    let index = worker * LatencyKind.allCases.count + Int(kind.rawValue) - 1
    precondition(index >= 0 && index < count, "no such recorder")
    return unsafe Recorder(base + index * Self.size, bucketsAt: Self.header)
  }
}

/// One histogram in shared memory, in the buckets of ``Wire/LatencyHistogram``.
///
/// One writer, the worker; nothing is allocated, and no store waits for another.
@safe struct Recorder {
  private let numbers: UnsafeMutablePointer<Atomic<UInt64>>
  private let buckets: UnsafeMutablePointer<Atomic<UInt32>>

  fileprivate init(_ base: UnsafeMutableRawPointer, bucketsAt offset: Int) {
    unsafe numbers = base.assumingMemoryBound(to: Atomic<UInt64>.self)
    unsafe buckets = (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Adds a latency in nanoseconds.
  func record(_ value: UInt64) {
    let seen = number(0)
    if seen == 0 || value < number(2) { set(2, value) }
    if value > number(3) { set(3, value) }
    set(1, number(1) &+ value)
    let index = LatencyHistogram.index(of: value)
    let old = unsafe buckets[index].load(ordering: .relaxed)
    if old != .max { unsafe buckets[index].store(old + 1, ordering: .relaxed) }
    set(0, seen &+ 1)
  }

  /// What was recorded; nil when nothing was.
  var histogram: LatencyHistogram? {
    guard number(0) > 0 else { return nil }
    var histogram = LatencyHistogram()
    histogram.count = number(0)
    histogram.sum = number(1)
    histogram.minimum = number(2)
    histogram.maximum = number(3)
    for index in 0..<LatencyHistogram.bucketCount {
      let count = unsafe buckets[index].load(ordering: .relaxed)
      if count > 0 { histogram.buckets.append(.init(index: UInt16(index), count: count)) }
    }
    return histogram
  }

  /// How many were recorded.
  var count: UInt64 { number(0) }

  /// The buckets that may hold something, without a look at each.
  var range: Range<Int> {
    guard count > 0 else { return 0..<0 }
    // Written one after the other: a least that is not there yet is the greatest.
    let least = LatencyHistogram.index(of: number(2))
    let greatest = LatencyHistogram.index(of: number(3))
    return min(least, greatest)..<greatest + 1
  }

  /// How often a bucket was hit; stops at the end of its range.
  func hits(_ bucket: Int) -> UInt32 {
    precondition(bucket >= 0 && bucket < LatencyHistogram.bucketCount, "no such bucket")
    return unsafe buckets[bucket].load(ordering: .relaxed)
  }

  private func number(_ index: Int) -> UInt64 {
    unsafe numbers[index].load(ordering: .relaxed)
  }

  private func set(_ index: Int, _ value: UInt64) {
    unsafe numbers[index].store(value, ordering: .relaxed)
  }
}
