/// What a worker does, with the parameters of its kind.
///
/// Times are nanoseconds. Each kind says what an iteration is, and what its work units are where
/// they tell more than iterations do. What each is for stands in docs/scenarios.md.
package enum WorkKind: Equatable, Sendable {
  // MARK: CPU

  /// Arithmetic without end; an iteration is a fixed number of rounds.
  case spin
  /// Multiplications, divisions, floating point and branches in turn; an iteration is one of each
  /// block.
  case aluMix
  /// `sched_yield` without end; an iteration is one call.
  case yield
  /// Busy for a time, then asleep for a time; an iteration is one such cycle.
  case bursty(busyNanoseconds: UInt64, sleepNanoseconds: UInt64)
  /// The same under a real-time policy; an iteration is a cycle.
  case realtimeHog(busyNanoseconds: UInt64, sleepNanoseconds: UInt64)

  // MARK: Timers and wake-ups

  /// Short sleeps and nothing between; an iteration is a sleep.
  case idleChurn(sleepNanoseconds: UInt64)
  /// Wakes at multiples of an interval; an iteration is a wake-up.
  case timerLatency(intervalNanoseconds: UInt64)
  /// Pairs on one CPU: the first spins, the second interrupts it at an interval, in real time; an
  /// iteration is a block of arithmetic or an interruption.
  case preemptStorm(intervalNanoseconds: UInt64, busyNanoseconds: UInt64)

  // MARK: Messages

  /// Pairs pass a message to and fro; an iteration is a round trip.
  case pingpong(medium: Medium)
  /// The group passes a token around in a ring; an iteration is a passage.
  case wakeChain(busyNanoseconds: UInt64)
  /// The first worker wakes all others one by one and waits until each has been busy; an iteration
  /// is a round.
  case fanOut(pauseNanoseconds: UInt64, busyNanoseconds: UInt64)
  /// The first worker wakes all others by one call, and one of them wins; an iteration is a
  /// wake-up, a unit a win.
  case thunderingHerd(pauseNanoseconds: UInt64, busyNanoseconds: UInt64)
  /// The first workers send events that the others wait for with epoll; an iteration is an event.
  case epollEvents(producers: UInt32, pauseNanoseconds: UInt64)
  /// The first workers keep a queue filled that the others empty; an iteration is an item.
  case producerConsumer(QueueLoad)
  /// Each worker sends signals to the next; an iteration is a signal sent, a unit one handled.
  case signalStorm(pauseNanoseconds: UInt64)

  // MARK: Locks

  /// All take the same lock; an iteration is a time that it was held.
  case mutexContention(holdNanoseconds: UInt64, outsideNanoseconds: UInt64)
  /// Workers in threes on one CPU: the first holds a lock that the third wants, while the second
  /// keeps the CPU; an iteration is such a round.
  case priorityInversion(InversionLoad)

  // MARK: Churn

  /// Makes a process that ends at once, and waits for it; an iteration is a process.
  case forkExitChurn
  /// Spins and changes its nice value; an iteration is a change.
  case niceSweep(dwellNanoseconds: UInt64)
  /// Spins and changes its policy; an iteration is a change.
  case policyChurn(dwellNanoseconds: UInt64)
  /// Spins and moves to another of its CPUs; an iteration is a move.
  case affinityChurn(dwellNanoseconds: UInt64)
  /// Spins and moves to the next of `count` cgroups of the plan, from `first` on; an iteration is a
  /// move.
  case cgroupChurn(dwellNanoseconds: UInt64, first: UInt32, count: UInt32)

  // MARK: Memory

  /// Touches fresh pages and gives them back; an iteration is a pass, a unit a page.
  case pageFaultChurn(bytes: UInt64)
  /// Reads and writes lines of its memory in an order that no prefetcher sees; an iteration is 1024
  /// lines, a unit a line.
  case cachePressure(bytes: UInt64)
  /// Goes from node to node with its memory left behind, then has it follow; an iteration is a stay
  /// at a node, a unit a line read.
  case numaSweep(bytes: UInt64, dwellNanoseconds: UInt64)

  // MARK: Disk

  /// Reads or writes its part of the disk from front to back; an iteration is a block, a unit a
  /// byte.
  case diskSequential(DiskArea, operation: DiskOperation)
  /// Reads and writes blocks of its part at random; an iteration is a block, a unit a byte.
  case diskRandom(DiskArea, writePercent: UInt32)
  /// Writes a block and flushes, again and again; an iteration is a flush, a unit a byte.
  case diskSyncConvoy(DiskArea)
  /// Writes a seeded pattern to its part, flushes, reads back and compares; an iteration is one
  /// block verified.
  case diskVerify(DiskArea)

  // MARK: Benchmarks

  /// The first workers wake the others, each of which then serves a request; an iteration is a
  /// request.
  case schedMessages(MessageLoad)
  /// The first worker lets requests arrive at a rate, the others look keys up; an iteration is a
  /// request.
  case cacheServer(CacheLoad)

  /// How `pingpong` passes its message.
  package enum Medium: UInt8, Sendable, CaseIterable {
    /// Two pipes.
    case pipe = 0
    /// Words in shared memory, with futex calls.
    case futex = 1
  }

  /// What `diskSequential` does.
  package enum DiskOperation: UInt8, Sendable, CaseIterable {
    /// Reads.
    case read = 0
    /// Writes.
    case write = 1
    /// A pass of writes, then one of reads.
    case mixed = 2
  }
}

/// A part of the scratch disk for each worker of a group.
package struct DiskArea: Equatable, Sendable {
  /// Where the part of worker 0 begins; the others follow.
  package var offset: UInt64
  /// Size of each part, a multiple of the block size.
  package var bytesPerWorker: UInt64
  /// Bytes of each request.
  package var blockSize: UInt32

  /// Makes a part.
  package init(offset: UInt64, bytesPerWorker: UInt64, blockSize: UInt32) {
    self.offset = offset
    self.bytesPerWorker = bytesPerWorker
    self.blockSize = blockSize
  }
}

/// The load of ``WorkKind/producerConsumer(_:)``.
package struct QueueLoad: Equatable, Sendable {
  /// How many of the workers fill the queue.
  package var producers: UInt32
  /// Items that the queue holds when it is full.
  package var depth: UInt32
  /// CPU time that making an item takes.
  package var produceNanoseconds: UInt64
  /// CPU time that using an item takes.
  package var consumeNanoseconds: UInt64

  /// Makes a load.
  package init(
    producers: UInt32, depth: UInt32, produceNanoseconds: UInt64, consumeNanoseconds: UInt64
  ) {
    self.producers = producers
    self.depth = depth
    self.produceNanoseconds = produceNanoseconds
    self.consumeNanoseconds = consumeNanoseconds
  }
}

/// The load of ``WorkKind/priorityInversion(_:)``.
package struct InversionLoad: Equatable, Sendable {
  /// Whether the lock lends the waiter's priority to its holder.
  package var inherits: Bool
  /// CPU time that the first worker holds the lock.
  package var holdNanoseconds: UInt64
  /// CPU time that the second takes meanwhile.
  package var busyNanoseconds: UInt64
  /// Sleep between two rounds.
  package var pauseNanoseconds: UInt64

  /// Makes a load.
  package init(
    inherits: Bool, holdNanoseconds: UInt64, busyNanoseconds: UInt64, pauseNanoseconds: UInt64
  ) {
    self.inherits = inherits
    self.holdNanoseconds = holdNanoseconds
    self.busyNanoseconds = busyNanoseconds
    self.pauseNanoseconds = pauseNanoseconds
  }
}

/// The load of ``WorkKind/schedMessages(_:)``.
package struct MessageLoad: Equatable, Sendable {
  /// How many of the workers send messages; the others are shared out among them.
  package var messengers: UInt32
  /// Sleep within each request, as of one that asks a third party.
  package var thinkNanoseconds: UInt64
  /// CPU time of each request.
  package var busyNanoseconds: UInt64

  /// Makes a load.
  package init(messengers: UInt32, thinkNanoseconds: UInt64, busyNanoseconds: UInt64) {
    self.messengers = messengers
    self.thinkNanoseconds = thinkNanoseconds
    self.busyNanoseconds = busyNanoseconds
  }
}

/// The load of ``WorkKind/cacheServer(_:)``.
package struct CacheLoad: Equatable, Sendable {
  /// Requests that arrive in a second.
  package var perSecond: UInt32
  /// Size of the table that all servers share.
  package var bytes: UInt64
  /// Keys that a request looks up.
  package var lookups: UInt32

  /// Makes a load.
  package init(perSecond: UInt32, bytes: UInt64, lookups: UInt32) {
    self.perSecond = perSecond
    self.bytes = bytes
    self.lookups = lookups
  }
}

extension WorkKind {
  /// The worker counts that make sense: at least so many, and a multiple of so many.
  package var groupRule: (minimum: UInt32, multiple: UInt32) {
    switch self {
    case .pingpong, .preemptStorm: (2, 2)
    case .priorityInversion: (3, 3)
    case .wakeChain, .fanOut, .thunderingHerd, .signalStorm, .mutexContention, .diskSyncConvoy,
      .cacheServer:
      (2, 1)
    case .epollEvents(let producers, _): (Self.oneMore(than: producers), 1)
    case .producerConsumer(let load): (Self.oneMore(than: load.producers), 1)
    case .schedMessages(let load): (Self.oneMore(than: load.messengers), 1)
    default: (1, 1)
    }
  }

  private static func oneMore(than count: UInt32) -> UInt32 {
    count == .max ? count : count + 1
  }

  /// The part of the disk that it works on, or nil.
  package var diskArea: DiskArea? {
    get {
      switch self {
      case .diskSequential(let area, _), .diskRandom(let area, _), .diskSyncConvoy(let area),
        .diskVerify(let area):
        area
      default: nil
      }
    }
    set {
      guard let newValue else { return }
      switch self {
      case .diskSequential(_, let operation):
        self = .diskSequential(newValue, operation: operation)
      case .diskRandom(_, let percent): self = .diskRandom(newValue, writePercent: percent)
      case .diskSyncConvoy: self = .diskSyncConvoy(newValue)
      case .diskVerify: self = .diskVerify(newValue)
      default: break
      }
    }
  }

  /// Memory that each worker takes for itself, in bytes, beside what any worker takes.
  package var bytesPerWorker: UInt64 {
    switch self {
    case .pageFaultChurn(let bytes), .cachePressure(let bytes), .numaSweep(let bytes, _): bytes
    // One block to write from and one to read into.
    case .diskSequential, .diskRandom, .diskSyncConvoy, .diskVerify:
      UInt64(diskArea?.blockSize ?? 0) * 2
    default: 0
    }
  }

  /// Memory that the group shares, in bytes.
  package var bytesPerGroup: UInt64 {
    if case .cacheServer(let load) = self { load.bytes } else { 0 }
  }

  /// Whether its workers set their policies themselves.
  package var setsPolicy: Bool {
    switch self {
    case .preemptStorm, .priorityInversion, .niceSweep, .policyChurn: true
    default: false
    }
  }
}
