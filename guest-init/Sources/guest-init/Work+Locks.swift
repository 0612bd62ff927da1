internal import CGuest
internal import Wire

extension Worker {
  /// The line of the group whose word is the lock.
  private static let lockLine = 1

  /// Takes the group's lock, is busy with it, gives it back, and is busy without it.
  mutating func contend(hold: UInt64, outside: UInt64) -> Never {
    awaitStart()
    while take(Self.lockLine, inherits: false) {
      burn(hold)
      give(Self.lockLine, inherits: false)
      checkpoint(1)
      burn(outside)
    }
    leave()
  }

  /// Waits for a lock and may note how long; false when the work shall end.
  mutating func take(_ line: Int, inherits: Bool, isRecorded: Bool = true) -> Bool {
    let asked = Time.now
    while !shallStop {
      let result = arena.lock(line, inherits: inherits, until: nextLook)
      if result == 0 {
        // Once told to stop, nobody holds it as long as it should.
        if isRecorded && !shallStop { recordRequest(Time.now - asked) }
        return true
      }
      // ETIMEDOUT: time for a look at whether to stop.
      if result != -110 { leave(.lock, -result) }
    }
    return false
  }

  /// Gives a lock back.
  func give(_ line: Int, inherits: Bool) {
    let result = arena.unlock(line, inherits: inherits)
    if result < 0 { leave(.lock, -result) }
  }

  // MARK: Inversion

  /// Three workers of different priority on one CPU.
  ///
  /// In each round the lowest takes the lock and wakes the highest, which comes at once and waits
  /// for it, and then the one between, which keeps the CPU unless the lock lends the highest's
  /// priority to the lowest.
  mutating func invert(_ load: InversionLoad) -> Never {
    shareCPU(groupOf: 3)
    let role = number % 3
    setPolicy(.fifo(priority: UInt8(10 + 10 * role)))
    awaitStart()
    switch role {
    case 0: lowest(load)
    case 1: between(load)
    default: highest(load)
    }
  }

  private mutating func lowest(_ load: InversionLoad) -> Never {
    // The lock is the word of its own line, and the answers come to the cells of it.
    let own = Arena.line(of: number)
    var round: UInt32 = 0
    while take(own, inherits: load.inherits, isRecorded: false) {
      round &+= 1
      send(round, to: own + 2)
      send(round, to: own + 1)
      burn(load.holdNanoseconds)
      give(own, inherits: load.inherits)
      checkpoint(1)
      // Both others are done before the next round; they come first on this CPU anyway.
      while arena.cell(own, 1).value < UInt64(round) * 2 && !shallStop {
        sleep(Time.millisecond)
      }
      sleep(load.pauseNanoseconds)
    }
    leave()
  }

  private mutating func between(_ load: InversionLoad) -> Never {
    let own = Arena.line(of: number)
    var round: UInt32 = 0
    while wait(arena.word(own), while: round, isIdle: true) {
      round &+= 1
      wakeUp(since: arena.cell(own, 0).value, done: 1)
      burn(load.busyNanoseconds)
      arena.cell(own - 1, 1).add(1)
    }
    leave()
  }

  private mutating func highest(_ load: InversionLoad) -> Never {
    let own = Arena.line(of: number)
    let lock = own - 2
    var round: UInt32 = 0
    while wait(arena.word(own), while: round, isIdle: true) {
      round &+= 1
      wakeUp(since: arena.cell(own, 0).value, done: 0)
      guard take(lock, inherits: load.inherits) else { break }
      give(lock, inherits: load.inherits)
      checkpoint(1)
      arena.cell(lock, 1).add(1)
    }
    leave()
  }
}
