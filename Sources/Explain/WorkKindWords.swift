import Scenario
import Wire

extension WorkKind {
  /// What a worker does and what an iteration is.
  var inWords: String {
    func time(_ nanoseconds: UInt64) -> String { TimeText.render(nanoseconds) }
    switch self {
    case .spin: return "arithmetic without end"
    case .aluMix: return "multiplications, divisions, floating point and branches without end"
    case .yield: return "sched_yield without end"
    case .bursty(let busy, let sleep):
      return "busy for \(time(busy)), asleep for \(time(sleep)), in turn"
    case .realtimeHog(let busy, let sleep):
      return "busy in real time for \(time(busy)), asleep for \(time(sleep)), in turn"
    case .idleChurn(let sleep): return "sleeps of \(time(sleep)), nothing between"
    case .timerLatency(let interval): return "wakes at multiples of \(time(interval))"
    case .preemptStorm(let interval, let busy):
      return "pairs on one CPU; one spins, the other comes in between every \(time(interval)) for "
        + time(busy)
    case .pingpong(let medium):
      return "pairs pass a message to and fro by \(medium == .pipe ? "pipes" : "futexes")"
    case .wakeChain(let busy):
      return "all pass one token around, busy for \(time(busy)) before they pass it on"
    case .fanOut(let pause, let busy):
      return "the first wakes all others one by one, each is busy for \(time(busy)); "
        + "\(time(pause)) between rounds"
    case .thunderingHerd(let pause, let busy):
      return "the first wakes all others by one call, the first to come is busy for "
        + "\(time(busy)); \(time(pause)) between rounds"
    case .epollEvents(let producers, let pause):
      return "\(Phrase.count(Int(producers), "producer")) of events, for which the others wait "
        + "with epoll; \(time(pause)) between events"
    case .producerConsumer(let load):
      return "\(Phrase.count(Int(load.producers), "producer")) "
        + "(\(time(load.produceNanoseconds)) an item) keep a queue at \(load.depth) items, the "
        + "others empty it (\(time(load.consumeNanoseconds)) an item)"
    case .signalStorm(let pause): return "each signals the next every \(time(pause))"
    case .mutexContention(let hold, let outside):
      return "all take one lock for \(time(hold)) and are \(time(outside)) without it, in turn"
    case .priorityInversion(let load):
      return "threes on one CPU under fifo: one holds a lock "
        + "\(load.inherits ? "with" : "without") priority inheritance for "
        + "\(time(load.holdNanoseconds)), one wants it, one in between is busy for "
        + "\(time(load.busyNanoseconds)); \(time(load.pauseNanoseconds)) between rounds"
    case .forkExitChurn:
      return "makes a process that ends at once and waits for it, again and again"
    case .niceSweep(let dwell): return "spins, with another nice value every \(time(dwell))"
    case .policyChurn(let dwell): return "spins, with another policy every \(time(dwell))"
    case .affinityChurn(let dwell): return "spins, on another CPU every \(time(dwell))"
    case .cgroupChurn(let dwell, _, let count):
      return "spins, in another of \(count) cgroups every \(time(dwell))"
    case .pageFaultChurn(let bytes):
      return "touches \(SizeText.render(bytes)) of fresh pages and gives them back, again and again"
    case .cachePressure(let bytes):
      return "changes cache lines of \(SizeText.render(bytes)) at random"
    case .numaSweep(let bytes, let dwell):
      return "goes from node to node, \(time(dwell)) at each, its \(SizeText.render(bytes)) of "
        + "memory after it"
    case .diskSequential(let area, let operation):
      let what =
        switch operation {
        case .read: "reads"
        case .write: "writes"
        case .mixed: "writes, then reads"
        }
      return "\(what) its \(area.inWords) from front to back"
    case .diskRandom(let area, let percent):
      return "at random places of its \(area.inWords), \(percent) % of them writes"
    case .diskSyncConvoy(let area): return "writes a block and flushes, in its \(area.inWords)"
    case .diskVerify(let area):
      return "writes a pattern to its \(area.inWords), flushes, reads back and compares"
    case .schedMessages(let load):
      return "\(Phrase.count(Int(load.messengers), "messenger")) wake the others, each of which "
        + "sleeps for \(time(load.thinkNanoseconds)) and is busy for "
        + "\(time(load.busyNanoseconds)) for a request"
    case .cacheServer(let load):
      return "the first lets \(load.perSecond) requests arrive in a second, the others look up "
        + "\(load.lookups) keys for each in a shared table of \(SizeText.render(load.bytes))"
    }
  }
}

extension DiskArea {
  /// `4MiB of the disk (from 8MiB on, one part behind the other) in blocks of 64KiB`.
  fileprivate var inWords: String {
    "\(SizeText.render(bytesPerWorker)) of the disk (from \(SizeText.render(offset)) on, one part behind the "
      + "other) in blocks of \(SizeText.render(UInt64(blockSize)))"
  }
}
