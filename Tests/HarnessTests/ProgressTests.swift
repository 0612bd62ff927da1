import Evidence
import Harness
import HostOS
import SystemPackage
import Testing
import Wire

@Suite struct RunPhaseTests {
  @Test func `a run goes through its phases in the order of the guest's events`() {
    let stages: [(Event, RunPhase)] = [
      (
        .hello(
          Hello(
            runID: 1, monotonic: 1, realtime: 1, release: "6.1", cpus: 1, memory: 1,
            clockSource: "tsc")), .settingUp
      ),
      (.stage(StageReached(stage: .cgroupsReady, monotonic: 2)), .settingUp),
      (.stage(StageReached(stage: .workStarted, monotonic: 3)), .working),
      (.log("in between"), .working),
      (.stage(StageReached(stage: .workEnded, monotonic: 4)), .draining),
      (.finished(Finished(monotonic: 5, droppedEvents: 0)), .poweringOff),
    ]
    var phase = RunPhase.booting
    for (event, expected) in stages {
      phase = phase.following(event)
      #expect(phase == expected)
    }
  }

  @Test func `no event leads back to an earlier phase`() {
    let events: [Event] = [
      .hello(
        Hello(
          runID: 1, monotonic: 1, realtime: 1, release: "6.1", cpus: 1, memory: 1,
          clockSource: "tsc")),
      .stage(StageReached(stage: .workStarted, monotonic: 2)),
      .stage(StageReached(stage: .workEnded, monotonic: 3)),
      .finished(Finished(monotonic: 4, droppedEvents: 0)),
    ]
    for phase in RunPhase.allCases {
      for event in events { #expect(phase.following(event) >= phase, "\(phase) \(event)") }
    }
    #expect(RunPhase.allCases == RunPhase.allCases.sorted())
  }

  @Test func `every phase says what it waits for`() {
    for phase in RunPhase.allCases { #expect(!phase.awaited.isEmpty) }
  }
}

@Suite struct ProgressMessageTests {
  @Test(arguments: RunPhase.allCases)
  func `phases survive the pipe`(phase: RunPhase) {
    let message = ProgressMessage.phase(phase)
    #expect(ProgressMessage(line: message.line[...]) == message)
  }

  @Test func `a fatal text becomes one line`() {
    let message = ProgressMessage.fatal("first\nsecond")
    #expect(message.line == "fatal first | second")
    #expect(ProgressMessage(line: message.line[...]) == .fatal("first | second"))
  }

  @Test(arguments: ["", "phase", "phase nowhere", "other thing", " "])
  func `other lines are not taken for messages`(line: String) {
    #expect(ProgressMessage(line: line[...]) == nil)
  }

  @Test func `messages may arrive in pieces`() {
    var reader = ProgressReader()
    #expect(reader.append(Array("phase boo".utf8)) == [])
    #expect(
      reader.append(Array("ting\nphase working\nfat".utf8)) == [.phase(.booting), .phase(.working)])
    #expect(reader.append(Array("al x\n".utf8)) == [.fatal("x")])
  }
}

@Suite struct KernelNeedsTests {
  private let mebibyte: UInt64 = 1 << 20

  @Test func `a larger kernel, archive or machine needs more`() {
    let base = KernelNeeds.memory(
      kernelBytes: 40 * mebibyte, initramfsBytes: 2 * mebibyte, cpus: 1)
    #expect(base % mebibyte == 0)
    #expect(base > 44 * mebibyte)
    #expect(
      KernelNeeds.memory(kernelBytes: 80 * mebibyte, initramfsBytes: 2 * mebibyte, cpus: 1) > base)
    #expect(
      KernelNeeds.memory(kernelBytes: 40 * mebibyte, initramfsBytes: 20 * mebibyte, cpus: 1) > base)
    #expect(
      KernelNeeds.memory(kernelBytes: 40 * mebibyte, initramfsBytes: 2 * mebibyte, cpus: 64) > base)
  }

  @Test func `sizes out of this world do not trap`() {
    _ = KernelNeeds.memory(kernelBytes: .max, initramfsBytes: .max, cpus: .max)
  }
}

@Suite struct RunLimitsTests {
  @Test func `a duration at the end of the clock does not trap`() {
    let limits = RunLimits(
      durationNanoseconds: .max, drainNanoseconds: .max, totalNanoseconds: .max)
    #expect(limits.work == .max)
    #expect(limits.drain == .max)
  }
}

@Suite struct RunFailureTests {
  @Test(arguments: [(Errno.noSpace, "is full"), (.diskQuotaExceeded, "quota")])
  func `a full disk or quota is told with what to do`(errno: Errno, words: String) {
    let error = RunFailure.evidence(.system(SystemCallError("write", errno, subject: "/r/x")))
    #expect(error.description.contains(words))
    #expect(error.description.contains("/r/x"))
    #expect(error.description.contains("--output"))
  }
}
