import HostOS

extension BlockWorker where Engine: ~Copyable {
  /// Carries a request on as far as it goes now.
  mutating func advance(_ index: Int) throws(QueueError) {
    while true {
      switch slots[index].phase {
      case .begin:
        begin(index)
      case .run:
        let canPunch = slots[index].work == .writeZeroes && backing.canPunchHoles
        guard let operation = slots[index].nextOperation(canPunch: canPunch) else {
          endStage(index)
          continue
        }
        guard let result = engine.start(operation, slots[index].data, token: index) else {
          slots[index].phase = .waiting
          return
        }
        markMoved(index, result)
        slots[index].absorb(result)
      case .settled:
        return try settle(index)
      case .free, .parked, .waiting:
        return
      }
    }
  }

  /// Takes the results of what the engine has done.
  mutating func reap() throws(QueueError) {
    guard !Engine.isSynchronous else { return }
    while let done = engine.next() {
      guard done.token >= 0, done.token < slots.count, slots[done.token].phase == .waiting else {
        continue
      }
      if !slots[done.token].isAbandoned { markMoved(done.token, done.result) }
      slots[done.token].absorb(done.result)
      if slots[done.token].isAbandoned {
        abandonedCount -= 1
        slots.release(done.token)
        if abandonedCount == 0 { retired = nil }
      } else {
        try advance(done.token)
      }
    }
  }

  /// Carries on requests whose time has come.
  mutating func resumeParked() throws(QueueError) {
    let isOver = backing.faults?.isCancelled ?? true
    for index in 0..<slots.count where slots[index].phase == .parked {
      guard isOver || slots[index].deadline <= clock else { continue }
      try unpark(index)
    }
  }

  /// Carries one request on that waited for its time.
  mutating func unpark(_ index: Int) throws(QueueError) {
    parkedCount -= 1
    strike(index)
    try advance(index)
  }

  /// Begins a stage: asks what shall go wrong with it.
  private mutating func begin(_ index: Int) {
    guard isFaulty, let faults = backing.faults else {
      slots[index].phase = .run
      return
    }
    let operation = slots[index].isStabilizing ? .flush : slots[index].work.faultOperation
    let decision = faults.decide(operation, slots[index].stageRange)
    counters.add(.faultsInjected, decision.faultCount)
    slots[index].decision = decision
    if decision.delayNanoseconds > 0 && !faults.isCancelled {
      slots[index].deadline = MonotonicTime.now().advanced(byNanoseconds: decision.delayNanoseconds)
      slots[index].phase = .parked
      parkedCount += 1
    } else {
      strike(index)
    }
  }

  /// Lets the fault that was decided on strike before the stage.
  private mutating func strike(_ index: Int) {
    slots[index].phase = .run
    let isFlush = slots[index].work == .flush || slots[index].isStabilizing
    switch slots[index].decision.outcome {
    case .none:
      break
    case .error:
      slots[index].fail()
    case .short where isFlush:
      slots[index].fail()
    case .short:
      let half = slots[index].left / 1024 * 512
      slots[index].left = half
      slots[index].data.truncate(to: Int(half))
    case .corrupt(let target):
      if slots[index].work == .read {
        slots[index].victim = GuestByte(
          slots[index].data, at: Int(target - slots[index].position))
      }
    }
  }

  /// Ends a stage: lets the fault strike that comes after it.
  private mutating func endStage(_ index: Int) {
    if isFaulty {
      switch slots[index].decision.outcome {
      case .none, .error: break
      case .short: slots[index].failed = true
      case .corrupt where slots[index].failed: break
      case .corrupt where slots[index].work == .read: slots[index].victim.invert()
      case .corrupt(let target): backing.invertStoredByte(at: target)
      }
      slots[index].decision = FaultDecision()
    }
    if slots[index].refused && slots[index].work == .discard { backing.noteNoHoles() }
    slots[index].advanceStage()
  }

  /// Answers a request that is done, and gives its slot back.
  private mutating func settle(_ index: Int) throws(QueueError) {
    clock = .now()
    let status = status(of: slots[index])
    count(slots[index], status)
    let written = status == .ok && slots[index].work == .read ? slots[index].byteCount : 0
    let byte = slots[index].status
    let head = slots[index].head
    slots.release(index)
    if !isDiscarding { try answer(status, byte, head: head, written: written) }
  }

  private func status(of slot: borrowing BlockSlot) -> BlockStatus {
    guard slot.failed else { return .ok }
    return slot.refused ? .unsupported : .ioError
  }

  private func count(_ slot: borrowing BlockSlot, _ status: BlockStatus) {
    let duration = clock.nanoseconds(since: slot.started)
    switch slot.work {
    case .read: counters.note(.read, duration)
    case .write: counters.note(.write, duration)
    case .flush: counters.note(.flush, duration)
    case .discard, .writeZeroes: counters.note(.discard, duration)
    }
    switch status {
    case .ioError: counters.add(.backingErrors)
    case .unsupported: counters.add(.unsupported)
    case .ok:
      switch slot.work {
      case .read:
        counters.add(.reads)
        counters.add(.bytesRead, slot.byteCount)
      case .write:
        counters.add(.writes)
        counters.add(.bytesWritten, slot.byteCount)
      case .flush:
        counters.add(.flushes)
      case .discard:
        counters.add(.discards)
        counters.add(.bytesDiscarded, slot.byteCount)
      case .writeZeroes:
        counters.add(.writeZeroes)
        counters.add(.bytesZeroed, slot.byteCount)
      }
    }
  }
}
