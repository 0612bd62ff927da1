internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

extension Crew {
  /// Sends the counters of all workers that have not been accounted for yet.
  mutating func sample(_ telemetry: inout Telemetry) {
    let now = Time.now
    var samples: [Sample] = []
    for index in members.indices where members[index].isAlive {
      let slot = table.slot(index)
      samples.append(
        Sample(
          id: members[index].spec.id,
          iterations: slot.fields.iterations.load(ordering: .relaxed),
          cpuNanoseconds: cpuTime(index),
          longestGapNanoseconds: max(
            slot.fields.longestGap.load(ordering: .relaxed), openGap(index, now: now))))
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

  /// CPU time of a worker since the common start.
  private func cpuTime(_ index: Int) -> UInt64 {
    let fields = table.slot(index)
    if members[index].spec.isThread || fields.fields.ended.load(ordering: .acquiring) != 0 {
      return fields.fields.cpu.load(ordering: .relaxed)
    }
    let used = UInt64(clamping: max(guest_cpu_time(members[index].pid), 0))
    let before = fields.fields.cpuBefore.load(ordering: .relaxed)
    return used > before ? used - before : 0
  }
}
