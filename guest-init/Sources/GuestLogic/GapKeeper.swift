/// Keeps a worker's longest time between two checkpoints, and where it was seen running.
package struct GapKeeper: Sendable {
  /// When the last checkpoint was.
  package private(set) var last: UInt64
  /// The longest gap so far, in nanoseconds.
  package private(set) var longest: UInt64 = 0
  /// When that gap ended.
  package private(set) var longestEnd: UInt64 = 0
  /// The CPU at that time.
  package private(set) var longestCPU: UInt32 = 0
  /// The CPU of the last checkpoint.
  package private(set) var cpu: UInt32 = .max
  /// Checkpoints on another CPU than the one before.
  package private(set) var migrations: UInt64 = 0

  /// What a checkpoint changed.
  package struct Change: Equatable, Sendable {
    /// The gap that it ended is the longest so far.
    package var isLongest: Bool
    /// The CPU is another one than before, or the first.
    package var isOtherCPU: Bool
  }

  /// Starts at the moment when all work starts: waiting to run for the first time is a gap too.
  ///
  /// - Parameters:
  ///   - longest: the longest gap before, of a worker that has worked before.
  ///   - migrations: its migrations before.
  package init(start: UInt64, longest: UInt64 = 0, migrations: UInt64 = 0) {
    last = start
    self.longest = longest
    self.migrations = migrations
  }

  /// Notes a checkpoint at `now`; `idle` nanoseconds since the last one were meant to be slept.
  @inline(__always)
  package mutating func checkpoint(now: UInt64, cpu current: UInt32, idle: UInt64 = 0) -> Change {
    let gap = Self.openGap(now: now, last: last, idle: idle)
    last = now
    var change = Change(isLongest: false, isOtherCPU: false)
    if gap > longest {
      longest = gap
      longestEnd = now
      longestCPU = current
      change.isLongest = true
    }
    if current != cpu {
      if cpu != .max { migrations &+= 1 }
      cpu = current
      change.isOtherCPU = true
    }
    return change
  }

  /// Time since the last checkpoint without intended sleep; never below 0.
  @inline(__always)
  package static func openGap(now: UInt64, last: UInt64, idle: UInt64) -> UInt64 {
    guard now > last else { return 0 }
    let wall = now - last
    return wall > idle ? wall - idle : 0
  }
}
