internal import CGuest
internal import Wire

extension Worker {
  /// Short sleeps and nothing else: the CPU goes idle and comes back.
  mutating func idleChurn(sleep idle: UInt64) -> Never {
    awaitStart()
    while sleep(until: Time.after(idle), done: 1) {}
    leave()
  }

  /// Wakes at multiples of an interval after the start, as cyclictest does; moments that came to
  /// lie in the past while it was late are left out.
  mutating func timerLatency(interval: UInt64) -> Never {
    awaitStart()
    var moment = Time.after(interval, from: lastCheckpoint)
    while sleep(until: moment, done: 1) {
      let missed = (lastCheckpoint - moment) / interval
      moment = Time.after(interval &* (missed &+ 1), from: moment)
    }
    leave()
  }

  /// Pairs on one CPU: the first spins as an ordinary task, the second comes in between in real
  /// time.
  mutating func preemptStorm(interval: UInt64, busy: UInt64) -> Never {
    shareCPU(groupOf: 2)
    if number % 2 == 0 { spin() }
    setPolicy(.fifo(priority: 10))
    awaitStart()
    var moment = Time.after(interval, from: lastCheckpoint)
    while sleep(until: moment, done: 1) {
      burn(busy)
      let missed = (max(lastCheckpoint, moment) - moment) / interval
      moment = Time.after(interval &* (missed &+ 1), from: moment)
    }
    leave()
  }

  /// Puts partners on one CPU, pair by pair through those that they may run on.
  func shareCPU(groupOf size: Int) {
    let allowed = allowedCPUs
    guard !allowed.isEmpty else { leave(.affinity, 22) }
    setAffinity(CPUSet([allowed[number / size % allowed.count]]).words)
  }
}
