internal import CGuest

extension Worker {
  /// Rounds between two checkpoints of `spin`: some 7 us at 2.5 GHz, so that even a software CPU
  /// fifty times slower comes by well within a millisecond, and the clock costs about 1 %.
  private static let spinRounds = 4096
  /// `bursty` looks at the clock more often, to end its busy time where it should.
  private static let burstRounds = 512

  /// Arithmetic until told to stop; an iteration is `spinRounds` rounds.
  mutating func spin() -> Never {
    var state = guest_monotonic() | 1
    while !shallStop {
      state = Self.churn(state, rounds: Self.spinRounds)
      checkpoint(1)
    }
    keep(state)
    leave()
  }

  /// `sched_yield` until told to stop.
  mutating func yieldAll() -> Never {
    while !shallStop {
      guest_yield()
      checkpoint(1)
    }
    leave()
  }

  /// Busy, asleep, busy, until told to stop; an iteration is one whole cycle.
  mutating func burst(busy: UInt64, sleep idle: UInt64) -> Never {
    var state = guest_monotonic() | 1
    while !shallStop {
      let end = Time.after(busy, from: lastCheckpoint)
      repeat {
        state = Self.churn(state, rounds: Self.burstRounds)
        checkpoint(0)
      } while lastCheckpoint < end && !shallStop
      if shallStop { break }
      sleep(idle)
      checkpoint(1)
    }
    keep(state)
    leave()
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

  /// Makes a result of `churn` count, so that the optimiser may not drop the work behind it.
  private func keep(_ state: UInt64) {
    if state == 0 { guest_yield() }
  }
}
