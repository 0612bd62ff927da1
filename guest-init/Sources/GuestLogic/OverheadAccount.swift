/// What init itself used of the CPU while the work ran, and for what.
package struct OverheadAccount: Sendable {
  /// CPU time at the start.
  private let first: UInt64
  /// CPU time up to which all is accounted for.
  private var last: UInt64
  /// CPU time of samples, with the wake-ups for them, in nanoseconds.
  package private(set) var sampling: UInt64 = 0

  /// Begins with the CPU time that was used before.
  package init(cpu: UInt64) {
    first = cpu
    last = cpu
  }

  /// Notes that all since the last note was for samples, or for something else.
  package mutating func note(isSampling: Bool, cpu: UInt64) {
    if isSampling { sampling &+= cpu > last ? cpu - last : 0 }
    last = max(last, cpu)
  }

  /// CPU time of everything so far, in nanoseconds.
  package var total: UInt64 { last - first }

  /// The account in words.
  ///
  /// - Parameters:
  ///   - elapsed: how long the work ran, in nanoseconds.
  ///   - samples: how many samples were taken.
  ///   - workers: how many workers there were.
  package func text(elapsed: UInt64, samples: UInt64, workers: Int) -> String {
    "init used \(total) ns of CPU time for \(samples) samples: "
      + Self.percent(total, of: elapsed) + " of one CPU, "
      + Self.percent(sampling, of: elapsed) + " for the samples of \(workers) workers and "
      + Self.percent(total - min(sampling, total), of: elapsed) + " for all else"
  }

  /// A part in percent with three digits behind the point, cut off; `?` of nothing.
  package static func percent(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "? %" }
    let (product, overflow) = part.multipliedReportingOverflow(by: 100_000)
    let thousandths = overflow ? part / max(1, whole / 100_000) : product / whole
    var fraction = "\(thousandths % 1000)"
    while fraction.utf8.count < 3 { fraction = "0" + fraction }
    return "\(thousandths / 1000)." + fraction + " %"
  }
}
