/// What the guest tells the host, one event a frame.
///
/// All times are guest `CLOCK_MONOTONIC` nanoseconds.
package enum Event: Equatable, Sendable {
  /// First event: init has opened the channel.
  case hello(Hello)
  /// Init reached a stage.
  case stage(StageReached)
  /// A worker exists.
  case workerStarted(WorkerStarted)
  /// Counters of all workers at one moment.
  case samples(SampleBatch)
  /// A worker's final account.
  case workerReport(WorkerReport)
  /// What a disk worker wrote and found.
  case diskReport(DiskReport)
  /// Latencies that a worker measured; comes behind its report.
  case latencyReport(LatencyReport)
  /// Where one CPU stands, as the kernel sees it.
  case cpuPlace(CPUPlace)
  /// What one NUMA node has, as the kernel sees it.
  case nodePlace(NodePlace)
  /// What became of a scheduler.
  case scheduler(SchedulerEvent)
  /// What became of a program beside the work.
  case payload(PayloadEvent)
  /// A phase began or ended, or one of its actions ended.
  case phase(PhaseReport)
  /// What the kernel has counted at a border of the measured window.
  case kernelReading(KernelReading)
  /// The latencies of a group in one interval of time.
  case latencyInterval(LatencyInterval)
  /// Something went wrong in the guest.
  case problem(Problem)
  /// A line for people.
  case log(String)
  /// Last event: all has been reported and the guest powers off.
  case finished(Finished)
}

/// Says who is speaking.
package struct Hello: Equatable, Sendable {
  /// The plan's run id.
  package var runID: UInt64
  /// Guest monotonic time.
  package var monotonic: UInt64
  /// Guest wall-clock time, nanoseconds since 1970.
  package var realtime: UInt64
  /// `uname -r`.
  package var release: String
  /// CPUs online.
  package var cpus: UInt32
  /// MemTotal in bytes.
  package var memory: UInt64
  /// `/sys/devices/system/clocksource/clocksource0/current_clocksource`.
  package var clockSource: String

  /// Makes a greeting.
  package init(
    runID: UInt64, monotonic: UInt64, realtime: UInt64, release: String, cpus: UInt32,
    memory: UInt64, clockSource: String
  ) {
    self.runID = runID
    self.monotonic = monotonic
    self.realtime = realtime
    self.release = release
    self.cpus = cpus
    self.memory = memory
    self.clockSource = clockSource
  }
}

/// The stages of a guest's life, in order.
package enum Stage: UInt8, Sendable, CaseIterable {
  /// File systems are mounted.
  case mounted = 1
  /// Modules are loaded.
  case modulesLoaded = 2
  /// The plan was read and its needs (CPUs, disk) are met.
  case planAccepted = 3
  /// Cgroups are set up.
  case cgroupsReady = 4
  /// All workers were let go at the same moment.
  case workStarted = 5
  /// The duration is over and workers were told to stop.
  case workEnded = 6
  /// All workers are reaped and reported.
  case drained = 7
}

/// One stage and when it was reached.
package struct StageReached: Equatable, Sendable {
  /// Which stage.
  package var stage: Stage
  /// Guest monotonic time.
  package var monotonic: UInt64

  /// Makes the note of a stage.
  package init(stage: Stage, monotonic: UInt64) {
    self.stage = stage
    self.monotonic = monotonic
  }
}

/// Names one worker: its group in the plan and its number in the group.
package struct WorkerID: Hashable, Sendable {
  /// Index into ``Plan/work``.
  package var work: UInt16
  /// Number in the group, from 0.
  package var worker: UInt16

  /// Makes an id.
  package init(work: UInt16, worker: UInt16) {
    self.work = work
    self.worker = worker
  }
}

/// A worker process exists.
package struct WorkerStarted: Equatable, Sendable {
  /// Which worker.
  package var id: WorkerID
  /// Its process id in the guest; workers that are threads of one process have the same.
  package var pid: UInt32

  /// Makes the note of a start.
  package init(id: WorkerID, pid: UInt32) {
    self.id = id
    self.pid = pid
  }
}

/// Counters of all workers at one moment.
package struct SampleBatch: Equatable, Sendable {
  /// As many samples as a frame has room for; more workers take several batches of one time.
  package static let maximumCount = (Frame.maximumPayload - 10) / Sample.encodedSize

  /// Guest monotonic time.
  package var monotonic: UInt64
  /// One for each worker that has started.
  package var samples: [Sample]

  /// Makes a batch.
  package init(monotonic: UInt64, samples: [Sample]) {
    self.monotonic = monotonic
    self.samples = samples
  }
}

/// One worker's counters at one moment, all since the work started.
package struct Sample: Equatable, Sendable {
  /// Bytes in a frame.
  package static let encodedSize = 44

  /// Which worker.
  package var id: WorkerID
  /// Iterations of its kind of work.
  package var iterations: UInt64
  /// CPU time in nanoseconds; of a thread as of a checkpoint, some 10 ms ago at most where it runs.
  package var cpuNanoseconds: UInt64
  /// The longest gap so far, in nanoseconds; a gap still open counts.
  package var longestGapNanoseconds: UInt64
  /// Time ready but without a CPU, in nanoseconds, as of the last time that the worker looked: some
  /// 250 ms ago at most where it runs.
  package var runDelayNanoseconds: UInt64
  /// How often it was seen on another CPU than at the checkpoint before.
  package var migrations: UInt64

  /// Makes a sample.
  package init(
    id: WorkerID, iterations: UInt64, cpuNanoseconds: UInt64, longestGapNanoseconds: UInt64,
    runDelayNanoseconds: UInt64 = 0, migrations: UInt64 = 0
  ) {
    self.id = id
    self.iterations = iterations
    self.cpuNanoseconds = cpuNanoseconds
    self.longestGapNanoseconds = longestGapNanoseconds
    self.runDelayNanoseconds = runDelayNanoseconds
    self.migrations = migrations
  }
}

/// Something that went wrong in the guest.
package struct Problem: Equatable, Sendable {
  /// Whether init gave up because of it.
  package var isFatal: Bool
  /// The errno behind it, or 0.
  package var errno: Int32
  /// What init was doing, and to what: `load module /ktstr/modules/02-virtio_blk.ko`.
  package var text: String

  /// Makes a problem.
  package init(isFatal: Bool, errno: Int32, text: String) {
    self.isFatal = isFatal
    self.errno = errno
    self.text = text
  }
}

/// The guest's last word.
package struct Finished: Equatable, Sendable {
  /// Guest monotonic time.
  package var monotonic: UInt64
  /// Events that could not be sent.
  package var droppedEvents: UInt32

  /// Makes a last word.
  package init(monotonic: UInt64, droppedEvents: UInt32) {
    self.monotonic = monotonic
    self.droppedEvents = droppedEvents
  }
}
