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
  /// Where those of groups begin.
  private let firstPool: Int

  /// Makes room for workers, and for what groups have in common; nil without memory.
  init?(workers: Int, groups: Int) {
    firstPool = workers * LatencyKind.allCases.count
    count = firstPool + groups * LatencyKind.allCases.count
    guard let memory = unsafe guest_map_lazy(max(1, count) * Self.size, 1) else { return nil }
    unsafe base = memory
  }

  /// A worker's recorder of one kind.
  func recorder(_ worker: Int, _ kind: LatencyKind) -> Recorder {
    recorder(worker * LatencyKind.allCases.count + Int(kind.rawValue) - 1)
  }

  /// What the workers of a group record together, bucket by bucket; see ``Recorder/share(_:)``.
  func pool(_ group: Int, _ kind: LatencyKind) -> Recorder {
    recorder(firstPool + group * LatencyKind.allCases.count + Int(kind.rawValue) - 1)
  }

  private func recorder(_ index: Int) -> Recorder {
    precondition(index >= 0 && index < count, "no such recorder")
    return unsafe Recorder(base + index * Self.size, bucketsAt: Self.header)
  }
}

/// One histogram in shared memory, in the buckets of ``Wire/LatencyHistogram``.
///
/// One writer, the worker; nothing is allocated, and no store waits for another. Pools of groups have
/// buckets only, to which all of their workers add.
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
    if value > number(3) {
      set(3, value)
      set(4, guest_monotonic())
      set(5, UInt64(guest_cpu()))
    }
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

  /// Where the longest came to its end, and when after a moment.
  func worst(since start: UInt64) -> Sighting {
    let end = number(4)
    return Sighting(
      cpu: UInt32(clamping: number(5)), nanoseconds: end > start ? end - start : 0)
  }

  /// Adds a latency to a pool.
  func share(_ value: UInt64) {
    _ = unsafe buckets[LatencyHistogram.index(of: value)].wrappingAdd(1, ordering: .relaxed)
  }

  /// How often a bucket was hit.
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
