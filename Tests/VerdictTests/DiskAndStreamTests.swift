import Evidence
import Scenario
import Testing
import Verdict
import Wire

@Suite struct DiskAndStreamTests {
  // MARK: Disk

  @Test func `other data than was written fails with the place`() {
    let verdict = judged {
      $0.editDiskReport {
        $0.mismatchedBlocks = 2
        $0.firstMismatch = 12_288
      }
    }
    #expect(verdict.status == .fail)
    #expect(
      verdict.headline
        == "disk/0 read back other data than it wrote: 2 blocks, first at byte 12288 of the disk")
  }

  @Test func `less than one pass verifies nothing for sure`() {
    let verdict = judged {
      $0.editDiskReport {
        $0.passes = 0
        $0.bytesVerified = 1024
        $0.ioErrors = 1
        $0.lastErrno = 5
      }
    }
    let check = verdict.check(.diskVerified, "disk/0")
    #expect(check?.status == .inconclusive)
    #expect(
      check?.detail
        == "disk/0 verified 1 KiB of the 4 KiB of one pass (1 I/O errors, the last EIO (errno 5))")
  }

  @Test func `a pass that left blocks out is none`() {
    func status(_ bytes: UInt64) -> CheckStatus? {
      judged {
        $0.editDiskReport { ($0.passes, $0.bytesVerified, $0.ioErrors) = (1, bytes, 3) }
      }.check(.diskVerified, "disk/0")?.status
    }
    #expect(status(4095) == .inconclusive)
    #expect(status(4096) == .pass)
  }

  @Test func `a disk report that is missing cannot be judged`() {
    let lost = judged { $0.drop { if case .diskReport = $0 { true } else { false } } }
    #expect(
      lost.check(.diskVerified, "disk/0")?.detail
        == "the disk report of disk/0 is missing (the guest never sent it)")
    let never = judged { $0.forget(Fixture.disk) }
    #expect(
      never.check(.diskVerified, "disk/0")?.detail
        == "disk/0 was never seen in any event (the guest never sent it)")
  }

  @Test func `disk verification can be switched off`() {
    var scenario = Fixture.scenario
    scenario.expect.diskVerified = false
    #expect(judge(scenario, Fixture.evidence).check(.diskVerified, "disk/0") == nil)
  }

  // MARK: Device

  private func device(_ counts: [(String, UInt64)]) -> [DeviceCounters] {
    [
      DeviceCounters(
        device: "disk", monotonic: 0, counts: counts.map { .init(name: $0.0, value: $0.1) })
    ]
  }

  @Test func `I/O errors up to the limit pass and one more fails`() {
    let even = judged { $0.devices = device([("ioErrors", 1), ("bytesRead", 4096)]) }
    #expect(even.status == .pass)
    let more = judged { $0.devices = device([("ioErrors", 2), ("bytesRead", 4096)]) }
    #expect(more.status == .fail)
    #expect(more.headline == "2 I/O errors, at most 1 may occur")
  }

  @Test func `errors that only the guest saw count as well`() {
    let verdict = judged { $0.editDiskReport { $0.ioErrors = 7 } }
    #expect(verdict.status == .fail)
    #expect(verdict.headline == "7 I/O errors seen by workers, 0 by the disk, at most 1 may occur")
  }

  @Test func `a minimum is reached from its value on`() {
    let even = judged { $0.devices = device([("ioErrors", 0), ("bytesRead", 4096)]) }
    #expect(even.check(.deviceMinimum, "disk bytesRead")?.status == .pass)
    let less = judged { $0.devices = device([("ioErrors", 0), ("bytesRead", 4095)]) }
    #expect(less.status == .fail)
    #expect(less.headline == "the disk's bytesRead is 3.999 KiB, at least 4 KiB is expected")
  }

  @Test func `a minimum that a broken off run did not reach proves nothing`() {
    let verdict = judged {
      $0.devices = device([("ioErrors", 0), ("bytesRead", 1)])
      $0.outcome = .interrupted
    }
    #expect(verdict.status == .inconclusive)
    #expect(verdict.check(.deviceMinimum, "disk bytesRead")?.status == .inconclusive)
    #expect(verdict.check(.deviceIOErrors, "disk ioErrors")?.status == .inconclusive)
  }

  @Test func `counters that are missing cannot be judged`() {
    let none = judged { $0.devices = [] }
    #expect(none.status == .inconclusive)
    #expect(
      none.check(.deviceIOErrors, "disk ioErrors")?.detail
        == "there is no reading of the disk's counters")
    let other = judged { $0.devices = device([("reads", 1)]) }
    #expect(
      other.check(.deviceMinimum, "disk bytesRead")?.detail == "the disk does not count bytesRead")
    #expect(other.status == .inconclusive)
  }

  // MARK: Telemetry

  @Test func `damage that cost nothing needed is told and does not decide`() {
    let verdict = judged {
      $0.stream.gaps = 1
      $0.stream.garbageBytes = 12
    }
    #expect(verdict.status == .pass)
    #expect(
      verdict.check(.telemetry, "telemetry")?.detail
        == "21 frames arrived, with damage that cost nothing needed: 1 gap, 12 bytes of garbage")
  }

  @Test func `damage that cost a report leaves its checks open, with the figures`() {
    let verdict = judged {
      $0.dropReport(Fixture.spin0)
      $0.stream.gaps = 1
      $0.stream.corruptFrames = 2
    }
    #expect(verdict.status == .inconclusive)
    #expect(
      verdict.check(.telemetry, "telemetry")?.detail
        == "21 frames arrived (1 gap, 2 corrupt frames); missing: the report of spin/0")
    #expect(
      verdict.check(.workerEnd, "spin/0")?.detail
        == "the final report of spin/0 is missing (the telemetry stream is damaged: 1 gap, "
        + "2 corrupt frames)")
    #expect(verdict.check(.workerEnd, "spin/1")?.status == .pass)
  }

  @Test func `no telemetry is told as such`() {
    let verdict = judged {
      $0.events = []
      $0.stream = StreamHealth()
    }
    #expect(verdict.check(.telemetry, "telemetry")?.detail == "no telemetry arrived")
    #expect(verdict.status == .inconclusive)
  }

  @Test func `events that the guest could not send are told`() {
    let verdict = judged { evidence in
      evidence.dropReport(Fixture.spin0)
      evidence.drop { if case .finished = $0 { true } else { false } }
      evidence.events.append(.finished(Finished(monotonic: 1, droppedEvents: 3)))
    }
    #expect(
      verdict.check(.workerEnd, "spin/0")?.detail
        == "the final report of spin/0 is missing (the guest could not send 3 events)")
  }

  @Test func `records of workers that the scenario does not have are told and trap nothing`() {
    let verdict = judged {
      for id in [
        WorkerID(work: 0, worker: 2), WorkerID(work: 2, worker: 0),
        WorkerID(work: .max, worker: .max),
      ] {
        $0.events.append(.workerReport(Fixture.report(id)))
      }
    }
    #expect(verdict.status == .inconclusive)
    #expect(
      verdict.headline
        == "21 frames arrived, but 3 records are of workers that the scenario does not have")
  }

  @Test func `extreme numbers trap nothing`() {
    let verdict = judged {
      for id in Fixture.workers {
        $0.editReport(id) {
          $0.iterations = .max
          $0.wallNanoseconds = .max
          $0.cpuNanoseconds = .max
          $0.longestGapNanoseconds = .max
          $0.longestGapEndNanoseconds = .max
          $0.longestGapCPU = .max
          $0.code = .min
        }
      }
      $0.editDiskReport {
        $0.ioErrors = .max
        $0.bytesVerified = .max
        $0.mismatchedBlocks = .max
        $0.firstMismatch = .max
      }
      $0.events.append(.stage(StageReached(stage: .workStarted, monotonic: .max)))
      $0.events.append(.samples(SampleBatch(monotonic: .max, samples: [])))
      $0.events.append(.samples(SampleBatch(monotonic: 0, samples: [])))
      $0.outcome = .timedOut(
        TimeOver(
          waitingFor: "", limit: .work, limitNanoseconds: .max, elapsedNanoseconds: .max,
          silentNanoseconds: .max))
    }
    #expect(verdict.status == .fail)
  }
}
