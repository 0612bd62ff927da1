import Glibc
package import Histogram
import Synchronization

/// What is counted for a queue, apart from durations.
enum Counter: Int, CaseIterable {
  case reads
  case writes
  case flushes
  case discards
  case writeZeroes
  case getIDs
  case unsupported
  case bytesRead
  case bytesWritten
  case bytesDiscarded
  case bytesZeroed
  case framingErrors
  case outOfRangeErrors
  case backingErrors
  case faultsInjected
  case queueErrors
  case notifications
  case interruptsSent
  case interruptsSuppressed
  case queueDepth
  case maximumQueueDepth
  case inFlight
  case maximumInFlight
  case throttleEvents
  case throttledNanoseconds
  case engineFull
  case abandoned
}

/// Kinds of requests whose durations are kept.
enum LatencyKind: Int, CaseIterable {
  case read
  case write
  case flush
  /// Discards and zeroes.
  case discard
}

/// The live counters of one queue, as plain numbers in memory that a ``QueueCounters`` owns.
///
/// A plain value, so that using it touches no reference count. The thread that serves the queue
/// writes, any thread reads. There is one writer at a time (the queue's lock sees to it), so adding
/// is a plain load and store: a locked instruction for each would cost more than the rest of the
/// bookkeeping.
///
/// Bounds proof: every place is that of a case, or `LatencyLayout.index` of a value up to
/// `LatencyLayout.highest`, in an allocation of `byteCount` bytes.
@safe
struct CounterCells: @unchecked Sendable {
  private let cells: UnsafeMutablePointer<Atomic<UInt64>>

  /// What is kept of each kind of duration before its distribution.
  private enum Part: Int, CaseIterable {
    /// Stored inverted, so that zero is "none yet".
    case inverseMinimum
    case sum
    case maximum
    case count
  }

  private static let latencySize = Part.allCases.count + LatencyLayout.count
  private static let count = Counter.allCases.count + LatencyKind.allCases.count * latencySize

  fileprivate init() {
    // Zeroed pages that nobody touches take no memory, and an atomic zero is eight zero bytes.
    guard let memory = unsafe calloc(Self.count, MemoryLayout<Atomic<UInt64>>.stride) else {
      preconditionFailure("no memory for counters")
    }
    unsafe cells = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  fileprivate func deallocate() {
    unsafe free(cells)
  }

  /// The value of a counter.
  func current(_ counter: Counter) -> UInt64 { load(counter.rawValue) }

  /// Adds to a counter.
  func add(_ counter: Counter, _ count: UInt64 = 1) {
    store(counter.rawValue, load(counter.rawValue) &+ count)
  }

  /// Sets a counter that is no sum.
  func set(_ counter: Counter, _ value: UInt64) {
    store(counter.rawValue, value)
  }

  /// Raises a counter that is a maximum.
  func raise(_ counter: Counter, to candidate: UInt64) {
    if candidate > load(counter.rawValue) { store(counter.rawValue, candidate) }
  }

  /// Counts a duration.
  func note(_ kind: LatencyKind, _ nanoseconds: UInt64) {
    let place = Self.place(of: kind)
    raise(place + Part.inverseMinimum.rawValue, to: ~nanoseconds)
    raise(place + Part.maximum.rawValue, to: nanoseconds)
    add(place + Part.sum.rawValue, nanoseconds)
    add(place + Part.count.rawValue, 1)
    add(place + Part.allCases.count + LatencyLayout.index(of: nanoseconds), 1)
  }

  /// Adds the durations of one kind to a summary and to a distribution.
  func add(_ kind: LatencyKind, to summary: inout LatencySummary) {
    let place = Self.place(of: kind)
    let count = load(place + Part.count.rawValue)
    guard count > 0 else { return }
    let lowest = ~load(place + Part.inverseMinimum.rawValue)
    summary.minimum = summary.count == 0 ? lowest : min(summary.minimum, lowest)
    summary.maximum = max(summary.maximum, load(place + Part.maximum.rawValue))
    summary.sum &+= load(place + Part.sum.rawValue)
    summary.count &+= count
  }

  /// Adds the durations of one kind to a distribution made by `LatencyLayout.emptyHistogram`.
  func add(_ kind: LatencyKind, to histogram: inout Histogram<UInt64>) {
    let place = Self.place(of: kind)
    guard load(place + Part.count.rawValue) > 0 else { return }
    for index in 0..<LatencyLayout.count {
      let count = load(place + Part.allCases.count + index)
      if count > 0 { histogram.record(LatencyLayout.lowest(of: index), count: count) }
    }
  }

  private static func place(of kind: LatencyKind) -> Int {
    Counter.allCases.count + kind.rawValue * latencySize
  }

  private func raise(_ place: Int, to candidate: UInt64) {
    if candidate > load(place) { store(place, candidate) }
  }

  private func add(_ place: Int, _ count: UInt64) {
    store(place, load(place) &+ count)
  }

  private func load(_ place: Int) -> UInt64 {
    unsafe cells[place].load(ordering: .relaxed)
  }

  private func store(_ place: Int, _ value: UInt64) {
    unsafe cells[place].store(value, ordering: .relaxed)
  }
}

/// Owns the counters of one queue.
final class QueueCounters: Sendable {
  /// The counters; good as long as this lives.
  let cells = CounterCells()

  init() {}

  deinit { cells.deallocate() }
}

/// How durations are counted: by their size, to two significant digits.
///
/// The cells are those of the histogram package for 1 ns to 60 s with two digits: 256 for the first
/// 256 ns, 128 for each power of two after. Counting into plain memory and making a histogram when
/// somebody asks costs a few nanoseconds, and no reader ever meets a half-done histogram.
package enum LatencyLayout {
  /// Longer ones count as this long: a minute.
  package static let highest: UInt64 = 60_000_000_000
  /// Number of cells.
  package static var count: Int { index(of: highest) + 1 }

  /// The cell of a duration in nanoseconds.
  package static func index(of nanoseconds: UInt64) -> Int {
    let value = min(nanoseconds, highest)
    // Which power of two beyond the first 256; zero for those.
    let power = 56 - (value | 0xff).leadingZeroBitCount
    return power << 7 + Int(value >> UInt64(power))
  }

  /// The shortest duration of a cell.
  package static func lowest(of index: Int) -> UInt64 {
    let power = max(0, index >> 7 - 1)
    return UInt64(index - power << 7) << UInt64(power)
  }

  /// A histogram with the same cells and nothing in it.
  package static func emptyHistogram() -> Histogram<UInt64> {
    Histogram(highestTrackableValue: highest, numberOfSignificantValueDigits: .two)
  }
}

extension BlockCounters {
  /// What some queues did together.
  init(_ queues: some Sequence<QueueCounters>) {
    self.init()
    var histograms = BlockHistograms()
    for queue in queues {
      add(queue.cells)
      histograms.add(queue.cells)
    }
    readLatency.describe(histograms.read)
    writeLatency.describe(histograms.write)
    flushLatency.describe(histograms.flush)
    discardLatency.describe(histograms.discard)
  }

  private mutating func add(_ cells: CounterCells) {
    reads &+= cells.current(.reads)
    writes &+= cells.current(.writes)
    flushes &+= cells.current(.flushes)
    discards &+= cells.current(.discards)
    writeZeroes &+= cells.current(.writeZeroes)
    getIDs &+= cells.current(.getIDs)
    unsupported &+= cells.current(.unsupported)
    bytesRead &+= cells.current(.bytesRead)
    bytesWritten &+= cells.current(.bytesWritten)
    bytesDiscarded &+= cells.current(.bytesDiscarded)
    bytesZeroed &+= cells.current(.bytesZeroed)
    framingErrors &+= cells.current(.framingErrors)
    outOfRangeErrors &+= cells.current(.outOfRangeErrors)
    backingErrors &+= cells.current(.backingErrors)
    faultsInjected &+= cells.current(.faultsInjected)
    queueErrors &+= cells.current(.queueErrors)
    notifications &+= cells.current(.notifications)
    interruptsSent &+= cells.current(.interruptsSent)
    interruptsSuppressed &+= cells.current(.interruptsSuppressed)
    queueDepth &+= cells.current(.queueDepth)
    maximumQueueDepth = max(maximumQueueDepth, cells.current(.maximumQueueDepth))
    inFlight &+= cells.current(.inFlight)
    maximumInFlight = max(maximumInFlight, cells.current(.maximumInFlight))
    throttleEvents &+= cells.current(.throttleEvents)
    throttledNanoseconds &+= cells.current(.throttledNanoseconds)
    engineFull &+= cells.current(.engineFull)
    abandoned &+= cells.current(.abandoned)
    cells.add(.read, to: &readLatency)
    cells.add(.write, to: &writeLatency)
    cells.add(.flush, to: &flushLatency)
    cells.add(.discard, to: &discardLatency)
  }
}

extension BlockHistograms {
  /// Adds the distributions of one queue.
  mutating func add(_ cells: CounterCells) {
    cells.add(.read, to: &read)
    cells.add(.write, to: &write)
    cells.add(.flush, to: &flush)
    cells.add(.discard, to: &discard)
  }
}
