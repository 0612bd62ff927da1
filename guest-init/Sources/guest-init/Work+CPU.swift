internal import CGuest

extension Worker {
  /// Rounds between two checkpoints of `spin`: some 7 us at 2.5 GHz, so that even a software CPU
  /// fifty times slower comes by well within a millisecond, and the clock costs about 1 %.
  private static let spinRounds = 4096
  /// Work of a given length looks at the clock more often, to end where it should.
  private static let burstRounds = 512
  private static let burnRounds = 128

  /// Arithmetic until told to stop; an iteration is `spinRounds` rounds.
  mutating func spin() -> Never {
    awaitStart()
    var state = guest_monotonic() | 1
    while !shallStop {
      state = Self.churn(state, rounds: Self.spinRounds)
      checkpoint(1)
    }
    keep(state)
    leave()
  }

  /// A block of each: multiplications, divisions, floating point, branches; an iteration is all
  /// four.
  mutating func aluMix() -> Never {
    awaitStart()
    var state = guest_monotonic() | 1
    while !shallStop {
      state = Self.churn(state, rounds: 1024)
      state = Self.divide(state, rounds: 256)
      state = Self.float(state, rounds: 512)
      state = Self.branch(state, rounds: 1024)
      checkpoint(1)
    }
    keep(state)
    leave()
  }

  /// `sched_yield` until told to stop.
  mutating func yieldAll() -> Never {
    awaitStart()
    while !shallStop {
      guest_yield()
      checkpoint(1)
    }
    leave()
  }

  /// Busy, asleep, busy, until told to stop; an iteration is one whole cycle.
  mutating func burst(busy: UInt64, sleep idle: UInt64) -> Never {
    awaitStart()
    while !shallStop {
      spin(for: busy)
      if shallStop { break }
      sleep(idle)
      checkpoint(1)
    }
    leave()
  }

  /// The same with the latency of each wake-up noted; the real-time policy is the group's.
  mutating func hog(busy: UInt64, sleep idle: UInt64) -> Never {
    awaitStart()
    while !shallStop {
      spin(for: busy)
      guard sleep(until: Time.after(idle, from: lastCheckpoint), done: 1) else { break }
    }
    leave()
  }

  /// Arithmetic for a time on the clock, from the last checkpoint on.
  mutating func spin(for time: UInt64) {
    var state = lastCheckpoint | 1
    let end = Time.after(time, from: lastCheckpoint)
    repeat {
      state = Self.churn(state, rounds: Self.burstRounds)
      checkpoint(0)
    } while lastCheckpoint < end && !shallStop
    keep(state)
  }

  /// Arithmetic for a time on the CPU: being interrupted makes it no shorter.
  mutating func burn(_ time: UInt64) {
    guard time > 0 else { return }
    let end = guest_thread_cpu() &+ time
    var state = end | 1
    repeat {
      state = Self.churn(state, rounds: Self.burnRounds)
      checkpoint(0)
    } while guest_thread_cpu() < end && !shallStop
    keep(state)
  }

  /// A chain of dependent multiplications that no compiler can shorten: each needs the one before.
  @inline(never)
  private static func churn(_ seed: UInt64, rounds: Int) -> UInt64 {
    var state = seed
    for _ in 0..<rounds {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      state ^= state >> 29
    }
    return state
  }

  @inline(never)
  private static func divide(_ seed: UInt64, rounds: Int) -> UInt64 {
    var state = seed
    for round in 0..<rounds {
      let divisor = state >> 40 | 1
      state = (seed &+ UInt64(round)) / divisor &+ state &* 5
    }
    return state
  }

  @inline(never)
  private static func float(_ seed: UInt64, rounds: Int) -> UInt64 {
    var value = Double(seed >> 12)
    for _ in 0..<rounds { value = value * 0.999_999_9 + 1.25 }
    return value.bitPattern | 1
  }

  /// Jumps that follow from the data, so that a predictor is right half of the time.
  @inline(never)
  private static func branch(_ seed: UInt64, rounds: Int) -> UInt64 {
    var state = seed
    var taken: UInt64 = 0
    for _ in 0..<rounds {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      if state & 64 != 0 { taken &+= state } else { taken ^= state >> 3 }
    }
    return state ^ taken
  }

  /// Makes a result count, so that the optimiser may not drop the work behind it.
  func keep(_ state: UInt64) {
    if state == 0 { guest_yield() }
  }
}
