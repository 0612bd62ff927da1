/// How a worker ended.
package enum WorkerEnd: UInt8, Sendable {
  /// It saw the stop signal and left by itself.
  case stopped = 0
  /// It left by itself with an error.
  case failed = 1
  /// It did not stop in time and was killed.
  case killed = 2
  /// A signal that init did not send ended it.
  case crashed = 3
  /// It could not be started.
  case neverStarted = 4
}

/// A worker's final account.
package struct WorkerReport: Equatable, Sendable {
  /// Which worker.
  package var id: WorkerID
  /// How it ended.
  package var end: WorkerEnd
  /// The errno of a failed worker, the signal of a killed or crashed one, else 0.
  package var code: Int32
  /// Iterations of its kind of work.
  package var iterations: UInt64
  /// From the common start to its end, in nanoseconds, summed over all starts of its group so far
  /// like the figures below; startup and teardown are in none of them.
  package var wallNanoseconds: UInt64
  /// User and system time, in nanoseconds.
  package var cpuNanoseconds: UInt64
  /// Time runnable but waiting for a CPU (`/proc/self/schedstat`), in nanoseconds.
  package var runDelayNanoseconds: UInt64
  /// Voluntary context switches.
  package var voluntarySwitches: UInt64
  /// Involuntary context switches.
  package var involuntarySwitches: UInt64
  /// How often it was seen on another CPU than at the checkpoint before.
  package var migrations: UInt64
  /// One bit for each CPU that it was seen on; CPU 0 is bit 0 of the first word.
  package var cpusSeen: [UInt64]
  /// Longest time between two checkpoints (intended sleep taken off), in nanoseconds.
  package var longestGapNanoseconds: UInt64
  /// When that gap ended, after the first start of its group, in nanoseconds.
  package var longestGapEndNanoseconds: UInt64
  /// The CPU on which that gap ended.
  package var longestGapCPU: UInt32
  /// What it got done, in units of its kind of work where that has some beside iterations.
  package var workUnits: UInt64
  /// From the common start until it ran, in nanoseconds; the longest where there were several.
  package var startDelayNanoseconds: UInt64
  /// When it ended, after the first start of its group, in nanoseconds.
  package var endedNanoseconds: UInt64
  /// The first CPUs that it was seen on, up to ``Sighting/maximumCount``, in order of time, each
  /// with when that was first.
  package var sightings: [Sighting] = []

  /// Time in which it neither ran nor waited for a CPU: sleeping or blocked, in nanoseconds.
  package var offCPUNanoseconds: UInt64 {
    let (used, overflow) = cpuNanoseconds.addingReportingOverflow(runDelayNanoseconds)
    return overflow || used > wallNanoseconds ? 0 : wallNanoseconds - used
  }

  /// Makes an account; a worker that was started once ended as long after its start as it worked.
  package init(
    id: WorkerID, end: WorkerEnd, code: Int32, iterations: UInt64, wallNanoseconds: UInt64,
    cpuNanoseconds: UInt64, runDelayNanoseconds: UInt64, voluntarySwitches: UInt64,
    involuntarySwitches: UInt64, migrations: UInt64, cpusSeen: [UInt64],
    longestGapNanoseconds: UInt64, longestGapEndNanoseconds: UInt64, longestGapCPU: UInt32,
    workUnits: UInt64 = 0, startDelayNanoseconds: UInt64 = 0, endedNanoseconds: UInt64? = nil
  ) {
    self.id = id
    self.end = end
    self.code = code
    self.iterations = iterations
    self.wallNanoseconds = wallNanoseconds
    self.cpuNanoseconds = cpuNanoseconds
    self.runDelayNanoseconds = runDelayNanoseconds
    self.voluntarySwitches = voluntarySwitches
    self.involuntarySwitches = involuntarySwitches
    self.migrations = migrations
    self.cpusSeen = cpusSeen
    self.longestGapNanoseconds = longestGapNanoseconds
    self.longestGapEndNanoseconds = longestGapEndNanoseconds
    self.longestGapCPU = longestGapCPU
    self.workUnits = workUnits
    self.startDelayNanoseconds = startDelayNanoseconds
    self.endedNanoseconds = endedNanoseconds ?? wallNanoseconds
  }
}

/// What a disk worker wrote and found.
package struct DiskReport: Equatable, Sendable {
  /// Which worker.
  package var id: WorkerID
  /// Whole passes of write, flush, read back.
  package var passes: UInt32
  /// Bytes that `write` accepted.
  package var bytesWritten: UInt64
  /// Bytes read back and compared.
  package var bytesVerified: UInt64
  /// Successful flushes.
  package var flushes: UInt32
  /// Blocks whose content was not what was written.
  package var mismatchedBlocks: UInt64
  /// Disk offset of the first byte that differed; nil when none did.
  package var firstMismatch: UInt64?
  /// Reads, writes and flushes that failed.
  package var ioErrors: UInt64
  /// The errno of the last of them.
  package var lastErrno: Int32

  /// Makes a report.
  package init(
    id: WorkerID, passes: UInt32, bytesWritten: UInt64, bytesVerified: UInt64, flushes: UInt32,
    mismatchedBlocks: UInt64, firstMismatch: UInt64?, ioErrors: UInt64, lastErrno: Int32
  ) {
    self.id = id
    self.passes = passes
    self.bytesWritten = bytesWritten
    self.bytesVerified = bytesVerified
    self.flushes = flushes
    self.mismatchedBlocks = mismatchedBlocks
    self.firstMismatch = firstMismatch
    self.ioErrors = ioErrors
    self.lastErrno = lastErrno
  }
}
