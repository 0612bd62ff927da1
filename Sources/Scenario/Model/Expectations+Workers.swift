package import Wire

/// A percentile of the latencies that the workers of a group measured, taken together.
package struct LatencyLimit: Equatable, Sendable {
  /// Name of the group.
  package var work: String
  /// What the latency is the latency of.
  package var kind: LatencyKind
  /// Above 0, up to 100; 100 is the greatest of all.
  package var percentile: Double
  /// The limit.
  package var limitNanoseconds: UInt64

  /// Makes a limit.
  package init(work: String, kind: LatencyKind, percentile: Double, limitNanoseconds: UInt64) {
    self.work = work
    self.kind = kind
    self.percentile = percentile
    self.limitNanoseconds = limitNanoseconds
  }
}

/// How long each worker of a group may be ready and wait for a CPU.
package struct RunDelayLimit: Equatable, Sendable {
  /// How much that is.
  package enum Amount: Equatable, Sendable {
    /// In all, in nanoseconds.
    case time(nanoseconds: UInt64)
    /// A share of the worker's wall time.
    case share(Double)
  }

  /// Name of the group.
  package var work: String
  /// The limit.
  package var limit: Amount

  /// Makes a limit.
  package init(work: String, limit: Amount) {
    self.work = work
    self.limit = limit
  }
}

/// How often each worker of a group may be seen on another CPU than before.
package struct MigrationLimit: Equatable, Sendable {
  /// What migrations are counted against.
  package enum Base: Equatable, Sendable {
    /// Seconds of wall time.
    case second
    /// Iterations of the worker.
    case iteration
  }

  /// Name of the group.
  package var work: String
  /// What migrations are counted against.
  package var base: Base
  /// The most of them for each second or iteration.
  package var limit: Double

  /// Makes a limit.
  package init(work: String, base: Base, limit: Double) {
    self.work = work
    self.base = base
    self.limit = limit
  }
}

/// The CPUs that some workers may ever be seen on.
package struct IsolationLimit: Equatable, Sendable {
  /// Whose workers.
  package var subject: FairnessLimit.Subject
  /// The CPUs; nil means those that their own affinity allows.
  package var cpus: AffinitySpec?

  /// Makes a limit.
  package init(subject: FairnessLimit.Subject, cpus: AffinitySpec?) {
    self.subject = subject
    self.cpus = cpus
  }
}
