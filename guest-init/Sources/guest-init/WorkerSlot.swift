internal import Synchronization

/// What one worker tells init through shared memory.
///
/// One writer, the worker; init only reads, but between two starts of its group. Counters go on from
/// one start to the next.
struct WorkerSlot: ~Copyable {
  /// CPUs beyond these are not noted as seen.
  static let cpuWords = 16

  // Written at each checkpoint: together, at the front of the slot's own cache lines.
  let iterations = Atomic<UInt64>(0)
  let units = Atomic<UInt64>(0)
  let lastCheckpoint = Atomic<UInt64>(0)
  /// The sleep that the worker means to take now, in nanoseconds; 0 while it is awake.
  let intendedIdle = Atomic<UInt64>(0)

  let longestGap = Atomic<UInt64>(0)
  let longestGapEnd = Atomic<UInt64>(0)
  let longestGapCPU = Atomic<UInt32>(0)
  let migrations = Atomic<UInt64>(0)
  let cpusSeen = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  /// The CPUs of ``Wire/WorkerReport/sightings``, each with when it was first seen, packed by
  /// ``pack(cpu:at:)``; how many there are.
  let sightings = InlineArray<64, Atomic<UInt64>> { _ in Atomic(0) }
  let sightingCount = Atomic<UInt32>(0)
  /// The last call to a meeting that the worker has come to; 0 before the first.
  let meeting = Atomic<UInt32>(0)
  /// When it ran there.
  let met = Atomic<UInt64>(0)
  /// The CPU of its last checkpoint, and one; 0 before the first.
  let cpuPlusOne = Atomic<UInt32>(0)
  /// When the worker ran after the common start; 0 until then.
  let began = Atomic<UInt64>(0)
  /// When the worker left its loop; 0 until then.
  let ended = Atomic<UInt64>(0)

  /// Its thread, for signals and for the files of /proc.
  let thread = Atomic<UInt32>(0)
  /// CPU time that it had used before the common start, less ``cpu`` of earlier starts; wraps.
  let cpuBefore = Atomic<UInt64>(0)
  /// What it used since common starts, as of a moment ago; up to its end once ``ended`` is set.
  let cpu = Atomic<UInt64>(0)
  /// The same of its run delay, looked at less often.
  let runDelay = Atomic<UInt64>(0)
  // The same of these, valid once ``ended`` is set.
  let voluntarySwitches = Atomic<UInt64>(0)
  let involuntarySwitches = Atomic<UInt64>(0)

  /// Whether the worker got as far as waiting for the common start.
  let isReady = Atomic<Bool>(false)
  /// What failed, as a raw ``WorkerStep``.
  let failedStep = Atomic<UInt8>(0)
  /// Why, as an errno.
  let failure = Atomic<Int32>(0)

  // Of disk workers.
  let passes = Atomic<UInt32>(0)
  /// The pass that no pattern was written for yet.
  let nextPass = Atomic<UInt32>(0)
  let bytesWritten = Atomic<UInt64>(0)
  let bytesVerified = Atomic<UInt64>(0)
  let flushes = Atomic<UInt32>(0)
  let mismatchedBlocks = Atomic<UInt64>(0)
  /// Disk offset of the first byte that differed, plus one; 0 while none did.
  let firstMismatch = Atomic<UInt64>(0)
  let ioErrors = Atomic<UInt64>(0)
  let lastErrno = Atomic<Int32>(0)
}

extension WorkerSlot {
  /// Makes the slot one of a worker that is to be started, with what it has done before.
  func renew(_ before: WorkerTotals) {
    cpu.store(before.cpu, ordering: .relaxed)
    runDelay.store(before.runDelay, ordering: .relaxed)
    voluntarySwitches.store(before.voluntarySwitches, ordering: .relaxed)
    involuntarySwitches.store(before.involuntarySwitches, ordering: .relaxed)
    lastCheckpoint.store(0, ordering: .relaxed)
    intendedIdle.store(0, ordering: .relaxed)
    meeting.store(0, ordering: .relaxed)
    cpuPlusOne.store(0, ordering: .relaxed)
    began.store(0, ordering: .relaxed)
    ended.store(0, ordering: .relaxed)
    thread.store(0, ordering: .relaxed)
    isReady.store(false, ordering: .relaxed)
    failedStep.store(0, ordering: .relaxed)
    failure.store(0, ordering: .relaxed)
  }

  /// A CPU and a time since the common start in one word, so that neither is ever without the other;
  /// 48 bits are three days.
  static func pack(cpu: UInt32, at nanoseconds: UInt64) -> UInt64 {
    UInt64(cpu & 0xffff) << 48 | min(nanoseconds, 1 << 48 - 1)
  }

  /// What ``pack(cpu:at:)`` packed.
  static func unpack(_ word: UInt64) -> (cpu: UInt32, nanoseconds: UInt64) {
    (UInt32(word >> 48), word & (1 << 48 - 1))
  }
}

/// What a worker used in the starts of its group that are over, each from its start to its end, in
/// nanoseconds.
struct WorkerTotals {
  var wall: UInt64 = 0
  var cpu: UInt64 = 0
  var runDelay: UInt64 = 0
  var voluntarySwitches: UInt64 = 0
  var involuntarySwitches: UInt64 = 0
  /// The longest of its start delays.
  var startDelay: UInt64 = 0
  /// When it ended last, after the first start.
  var ended: UInt64 = 0
}

/// The steps of a worker that can fail.
enum WorkerStep: UInt8 {
  case none = 0
  case joinCgroup = 1
  case awaitStart = 2
  case partner = 3
  case openDisk = 4
  case memory = 5
  case affinity = 6
  case policy = 7
  case nice = 8
  case thread = 9
  case descriptors = 10
  case lock = 11
  case fork = 12
  case signal = 13
  case moveMemory = 14

  /// For people.
  var text: String {
    switch self {
    case .none: "work"
    case .joinCgroup: "join its cgroup"
    case .awaitStart: "wait for the common start"
    case .partner: "pass the message to its partner"
    case .openDisk: "open the scratch disk"
    case .memory: "get memory"
    case .affinity: "set its CPU affinity"
    case .policy: "set its scheduling policy"
    case .nice: "set its nice value"
    case .thread: "be started as a thread"
    case .descriptors: "get pipes or an epoll instance"
    case .lock: "take or give back the lock"
    case .fork: "make a process"
    case .signal: "send a signal"
    case .moveMemory: "move its memory to a node"
    }
  }
}
