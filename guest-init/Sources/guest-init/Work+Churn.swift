internal import CGuest
internal import GuestLogic
internal import Wire

extension Worker {
  /// Makes a process that ends at once, and waits for it.
  mutating func forkExitChurn() -> Never {
    awaitStart()
    while !shallStop {
      let asked = Time.now
      let result = guest_fork_and_wait()
      if result < 0 { leave(.fork, -result) }
      recordRequest(Time.now - asked)
      checkpoint(1)
    }
    leave()
  }

  /// Spins under each nice value in turn, from -20 to 19 and from the front again.
  mutating func niceSweep(dwell: UInt64) -> Never {
    awaitStart()
    var nice: Int32 = -20
    while !shallStop {
      let result = guest_set_nice(nice)
      if result < 0 { leave(.nice, -result) }
      checkpoint(1)
      spin(for: dwell)
      nice = nice == 19 ? -20 : nice + 1
    }
    leave()
  }

  /// Spins under each policy that needs no parameters but a priority.
  mutating func policyChurn(dwell: UInt64) -> Never {
    let policies: [SchedulingPolicy] = [
      .normal, .batch, .idle, .fifo(priority: 1), .roundRobin(priority: 1),
    ]
    awaitStart()
    var turn = number
    while !shallStop {
      setPolicy(policies[turn % policies.count])
      checkpoint(1)
      spin(for: dwell)
      turn += 1
    }
    leave()
  }

  /// Spins on one CPU after the other, at random; notes how long each move takes.
  mutating func affinityChurn(dwell: UInt64) -> Never {
    let allowed = allowedCPUs
    guard allowed.count > 1 else { leave(.affinity, 22) }
    var sets: [[UInt64]] = []
    for cpu in allowed { sets.append(CPUSet([cpu]).words) }
    awaitStart()
    var place = 0
    while !shallStop {
      // Any but the present one.
      place = (place + 1 + Int(random.next(below: UInt64(sets.count - 1)))) % sets.count
      let asked = Time.now
      setAffinity(sets[place])
      recordRequest(Time.now - asked)
      checkpoint(1)
      spin(for: dwell)
    }
    leave()
  }

  /// Spins in one cgroup after the other; notes how long each move takes.
  mutating func cgroupChurn(dwell: UInt64) -> Never {
    guard !group.churn.isEmpty else { leave(.joinCgroup, 22) }
    awaitStart()
    var place = number
    while !shallStop {
      let asked = Time.now
      joinCgroup(group.churn[place % group.churn.count])
      recordRequest(Time.now - asked)
      checkpoint(1)
      spin(for: dwell)
      place += 1
    }
    leave()
  }
}
