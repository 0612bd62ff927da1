internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

extension Crew {
  /// After so long without a checkpoint the kernel is asked for a process's time.
  ///
  /// Longer than many workers wait for their turn on a CPU, which takes them no time, and longer than
  /// ``Worker/publicationInterval``.
  private static let silence = 500 * Time.millisecond

  /// Sends the counters of all workers that have not been accounted for yet.
  mutating func sample(_ telemetry: inout Telemetry) {
    let now = Time.now
    var samples: [Sample] = []
    samples.reserveCapacity(members.count)
    for index in members.indices where members[index].isAlive {
      let slot = table.slot(index)
      samples.append(
        Sample(
          id: members[index].spec.id,
          iterations: slot.fields.iterations.load(ordering: .relaxed),
          cpuNanoseconds: cpuTime(index, now: now),
          longestGapNanoseconds: max(
            slot.fields.longestGap.load(ordering: .relaxed), openGap(index, now: now)),
          runDelayNanoseconds: slot.fields.runDelay.load(ordering: .relaxed),
          migrations: slot.fields.migrations.load(ordering: .relaxed)))
    }
    for piece in SampleBatch(monotonic: now, samples: samples).split() {
      telemetry.post(.samples(piece))
    }
    tellLatencies(at: now, &telemetry)
    noteWhereabouts()
    telemetry.flush()
  }

  /// Iterations of all workers of a group.
  func iterations(of group: Int) -> UInt64 {
    var sum: UInt64 = 0
    for index in ranges[group] {
      sum &+= table.slot(index).fields.iterations.load(ordering: .relaxed)
    }
    return sum
  }

  /// CPU time of a worker since common starts.
  ///
  /// Workers publish theirs, because asking the kernel takes longer than all else in a sample; only
  /// of a process that has not come by for a while the kernel is asked.
  private func cpuTime(_ index: Int, now: UInt64) -> UInt64 {
    let slot = table.slot(index)
    // Before what it published: a worker publishes first, and says then that it came by. So it never
    // tells less than the kernel did in its silence.
    let last = slot.fields.lastCheckpoint.load(ordering: .acquiring)
    let hasEnded = slot.fields.ended.load(ordering: .acquiring) != 0
    if members[index].spec.isThread || hasEnded || now < Time.after(Self.silence, from: last) {
      return slot.fields.cpu.load(ordering: .relaxed)
    }
    // Before the start there is nothing to count.
    guard slot.fields.began.load(ordering: .relaxed) != 0 else {
      return slot.fields.cpu.load(ordering: .relaxed)
    }
    let used = UInt64(clamping: max(guest_cpu_time(members[index].pid), 0))
    let before = slot.fields.cpuBefore.load(ordering: .relaxed)
    return UInt64(max(0, Int64(truncatingIfNeeded: used &- before)))
  }
}
