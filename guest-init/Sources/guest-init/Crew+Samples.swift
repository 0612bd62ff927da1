internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

extension Crew {
  /// Sends the counters of all workers that have not been accounted for yet.
  func sample(_ telemetry: inout Telemetry) {
    let now = Time.now
    var samples: [Sample] = []
    for index in members.indices where members[index].isAlive {
      let slot = table.slot(index)
      samples.append(
        Sample(
          id: members[index].spec.id,
          iterations: slot.fields.iterations.load(ordering: .relaxed),
          cpuNanoseconds: UInt64(clamping: max(guest_cpu_time(members[index].pid), 0)),
          longestGapNanoseconds: max(
            slot.fields.longestGap.load(ordering: .relaxed), openGap(index, now: now))))
    }
    for piece in SampleBatch(monotonic: now, samples: samples).split() {
      telemetry.post(.samples(piece))
    }
    telemetry.flush()
  }
}
