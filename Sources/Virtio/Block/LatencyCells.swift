import Glibc
import Histogram
import Synchronization

/// Counts of durations, by their size to two significant digits.
///
/// Laid out as the histogram package lays out 1 ns to 60 s with two digits: 256 cells for the first
/// 256 ns, 128 for each power of two after. Adding is two loads and a store; there is one writer at
/// a time (the queue's lock sees to it), and any thread reads.
///
/// Bounds proof: `index` is at most `count - 1` for values up to `highest`, and values are brought
/// into that range first.
@safe
final class LatencyCells: @unchecked Sendable {
  /// Longer ones count as this long: a minute.
  static let highest: UInt64 = 60_000_000_000
  private static let count = index(of: highest) + 1
  private let cells: UnsafeMutablePointer<Atomic<UInt64>>

  init() {
    // Zeroed pages that nobody touches take no memory, and an atomic zero is eight zero bytes.
    guard let memory = unsafe calloc(Self.count, MemoryLayout<Atomic<UInt64>>.stride) else {
      preconditionFailure("no memory for a histogram")
    }
    unsafe cells = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  deinit {
    unsafe free(cells)
  }

  /// Counts one duration.
  func note(_ nanoseconds: UInt64) {
    let cell = unsafe cells + Self.index(of: min(nanoseconds, Self.highest))
    unsafe cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  /// Adds what was counted to a histogram made by `emptyHistogram`.
  func add(to histogram: inout Histogram<UInt64>) {
    for index in 0..<Self.count {
      let count = unsafe cells[index].load(ordering: .relaxed)
      if count > 0 { histogram.record(Self.lowest(of: index), count: count) }
    }
  }

  /// A histogram with the same cells and nothing in it.
  static func emptyHistogram() -> Histogram<UInt64> {
    Histogram(highestTrackableValue: highest, numberOfSignificantValueDigits: .two)
  }

  static func index(of value: UInt64) -> Int {
    // Which power of two beyond the first 256; zero for those.
    let power = 56 - (value | 0xff).leadingZeroBitCount
    return power << 7 + Int(value >> UInt64(power))
  }

  private static func lowest(of index: Int) -> UInt64 {
    let power = max(0, index >> 7 - 1)
    return UInt64(index - power << 7) << UInt64(power)
  }
}
