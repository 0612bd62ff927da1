internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

extension Crew {
  /// Sends the account of a worker whose process was reaped.
  mutating func report(
    _ index: Int, _ ended: guest_ended, runDelay: UInt64, _ telemetry: inout Telemetry
  ) {
    let slot = table.slot(index)
    let step = WorkerStep(rawValue: slot.fields.failedStep.load(ordering: .relaxed)) ?? .none
    let hasLeft = slot.fields.ended.load(ordering: .acquiring) != 0
    let isReady = slot.fields.isReady.load(ordering: .acquiring)
    var end = WorkerEnd.stopped
    var code: Int32 = 0
    if !hasLeft && ended.signal != 0 {
      end = members[index].isKilled ? .killed : .crashed
      code = ended.signal
    } else if !hasLeft || step != .none {
      end = isReady ? .failed : .neverStarted
      code = slot.fields.failure.load(ordering: .relaxed)
      telemetry.post(
        .problem(
          Problem(
            isFatal: false, errno: code,
            text: members[index].spec.processName + " could not " + step.text)))
    }
    var report = account(index, end: end, code: code)
    if hasLeft && isReady {
      report.cpuNanoseconds = slot.fields.cpu.load(ordering: .relaxed)
      report.runDelayNanoseconds = slot.fields.runDelay.load(ordering: .relaxed)
      report.voluntarySwitches = slot.fields.voluntarySwitches.load(ordering: .relaxed)
      report.involuntarySwitches = slot.fields.involuntarySwitches.load(ordering: .relaxed)
    } else if members[index].spec.isThread {
      takePublished(slot, &report)
    } else {
      // It could not say so itself; startup is in these.
      report.cpuNanoseconds &+= ended.cpu_ns
      report.runDelayNanoseconds &+= runDelay
      report.voluntarySwitches &+= ended.voluntary_switches
      report.involuntarySwitches &+= ended.involuntary_switches
    }
    send(report, index, &telemetry)
  }

  /// Takes what a thread published last: its process tells nothing of it alone.
  private func takePublished(_ slot: Slot, _ report: inout WorkerReport) {
    report.cpuNanoseconds = slot.fields.cpu.load(ordering: .relaxed)
    report.runDelayNanoseconds = slot.fields.runDelay.load(ordering: .relaxed)
  }

  /// Sends the account of a worker that no fork brought to life.
  mutating func reportNeverStarted(
    _ index: Int, errno: Int32, _ telemetry: inout Telemetry
  ) {
    send(account(index, end: .neverStarted, code: errno), index, &telemetry)
  }

  /// Sends accounts of workers that SIGKILL did not end, from what they left in their slots.
  mutating func reportUndead(_ telemetry: inout Telemetry) {
    for index in members.indices where members[index].isAlive && !members[index].isReported {
      let pid = members[index].pid
      telemetry.post(
        .problem(
          Problem(
            isFatal: false, errno: 0,
            text: members[index].spec.processName + " (pid \(pid)) does not die; it waits in "
              + ByteText.word(Files.contents("/proc/\(pid)/wchan")))))
      var report = account(index, end: .killed, code: 9)
      if members[index].spec.isThread {
        takePublished(table.slot(index), &report)
      } else {
        report.cpuNanoseconds &+= UInt64(clamping: max(guest_cpu_time(pid), 0))
        report.runDelayNanoseconds &+= ByteText.runDelay(
          Files.contents("/proc/\(pid)/schedstat"))
      }
      send(report, index, &telemetry)
    }
  }

  private mutating func send(
    _ report: WorkerReport, _ index: Int, _ telemetry: inout Telemetry
  ) {
    telemetry.post(.workerReport(report))
    let start = table.firstStartTime(of: Int(members[index].spec.id.work))
    for kind in LatencyKind.allCases {
      let recorder = table.recorders.recorder(index, kind)
      guard let histogram = recorder.histogram else { continue }
      telemetry.post(
        .latencyReport(
          LatencyReport(
            id: members[index].spec.id, kind: kind, histogram: histogram,
            worst: recorder.worst(since: start))))
    }
    if members[index].spec.kind.diskArea != nil {
      telemetry.post(.diskReport(diskReport(index)))
    }
    setReported(index, report)
  }

  /// What the worker's slot says, and what is known of its earlier lives.
  ///
  /// A worker that did not leave by itself has a gap that is still open: it counts until now.
  private func account(_ index: Int, end: WorkerEnd, code: Int32) -> WorkerReport {
    let slot = table.slot(index)
    let now = Time.now
    let before = members[index].before
    let start = table.startTime(of: Int(members[index].spec.id.work))
    let first = table.firstStartTime(of: Int(members[index].spec.id.work))
    let ended = slot.fields.ended.load(ordering: .acquiring)
    var gap = slot.fields.longestGap.load(ordering: .relaxed)
    var gapEnd = slot.fields.longestGapEnd.load(ordering: .relaxed)
    let open = ended == 0 ? openGap(index, now: now) : 0
    if open > gap {
      gap = open
      gapEnd = now
    }
    var cpus: [UInt64] = []
    for word in 0..<WorkerSlot.cpuWords {
      cpus.append(slot.fields.cpusSeen[word].load(ordering: .relaxed))
    }
    while let last = cpus.last, last == 0 { cpus.removeLast() }
    let began = slot.fields.began.load(ordering: .relaxed)
    let hasStarted = start > 0 && end != .neverStarted
    // Who was killed on its way to the start has not come to it.
    let last = max(ended == 0 ? now : ended, start)
    var report = WorkerReport(
      id: members[index].spec.id, end: end, code: code,
      iterations: slot.fields.iterations.load(ordering: .relaxed),
      wallNanoseconds: before.wall &+ (hasStarted ? last - start : 0),
      cpuNanoseconds: before.cpu, runDelayNanoseconds: before.runDelay,
      voluntarySwitches: before.voluntarySwitches,
      involuntarySwitches: before.involuntarySwitches,
      migrations: slot.fields.migrations.load(ordering: .relaxed), cpusSeen: cpus,
      longestGapNanoseconds: gap,
      longestGapEndNanoseconds: first > 0 && gapEnd > first ? gapEnd - first : 0,
      longestGapCPU: slot.fields.longestGapCPU.load(ordering: .relaxed),
      workUnits: slot.fields.units.load(ordering: .relaxed),
      startDelayNanoseconds: max(
        before.startDelay, began > start && hasStarted ? began - start : 0),
      endedNanoseconds: hasStarted ? last - first : before.ended)
    let count = Int(slot.fields.sightingCount.load(ordering: .acquiring))
    for place in 0..<min(count, Sighting.maximumCount) {
      let seen = WorkerSlot.unpack(slot.fields.sightings[place].load(ordering: .relaxed))
      report.sightings.append(Sighting(cpu: seen.cpu, nanoseconds: seen.nanoseconds))
    }
    return report
  }

  /// A worker's gap that no checkpoint has ended yet.
  func openGap(_ index: Int, now: UInt64) -> UInt64 {
    let work = Int(members[index].spec.id.work)
    let start = table.startTime(of: work)
    guard start > 0, now > start else { return 0 }
    let slot = table.slot(index)
    // The sleep first, then the checkpoint: a worker that wakes in between moves its checkpoint
    // before it takes the sleep back, so that a sleep never shows up as a gap.
    let idle = slot.fields.intendedIdle.load(ordering: .acquiring)
    let last = slot.fields.lastCheckpoint.load(ordering: .acquiring)
    let begin = max(last, start)
    let (sum, overflow) = idle.addingReportingOverflow(frozen(work, since: begin, until: now))
    return GapKeeper.openGap(now: now, last: begin, idle: overflow ? .max : sum)
  }

  private func diskReport(_ index: Int) -> DiskReport {
    let slot = table.slot(index)
    let mismatch = slot.fields.firstMismatch.load(ordering: .relaxed)
    return DiskReport(
      id: members[index].spec.id,
      passes: slot.fields.passes.load(ordering: .relaxed),
      bytesWritten: slot.fields.bytesWritten.load(ordering: .relaxed),
      bytesVerified: slot.fields.bytesVerified.load(ordering: .relaxed),
      flushes: slot.fields.flushes.load(ordering: .relaxed),
      mismatchedBlocks: slot.fields.mismatchedBlocks.load(ordering: .relaxed),
      firstMismatch: mismatch == 0 ? nil : mismatch - 1,
      ioErrors: slot.fields.ioErrors.load(ordering: .relaxed),
      lastErrno: slot.fields.lastErrno.load(ordering: .relaxed))
  }
}
