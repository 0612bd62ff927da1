import Evidence
import HostOS
import Testing
import Wire

@Suite struct RunDirectoryTests {
  private let parent = TemporaryDirectory()

  private func directory(_ id: String = "0123456789abcdef") throws -> RunDirectory {
    try RunDirectory.create(
      in: parent.path + "/results", time: "20260102T030405Z", name: "smoke", runID: id)
  }

  private func identity() -> RunIdentity {
    RunIdentity(
      runID: "0123456789abcdef", scenario: "smoke", scenarioPath: "s.json", engine: "tcg",
      engineReason: "test", kernel: .init(id: "k", release: "6.1", image: "/k", sha256: "00"),
      ktstrVersion: "1", startedAt: "2026-01-02T03:04:05Z", seed: 1, retryOf: nil, attempt: 0)
  }

  @Test func `a rerun gets a directory of its own, whatever its time and id`() throws {
    let first = try directory()
    let second = try directory()
    #expect(first.path.hasSuffix("/results/20260102T030405Z-smoke-012345"))
    #expect(second.path != first.path)
    #expect(try Files.status(of: second.path)?.kind == .directory)
  }

  @Test func `nothing that was written is ever overwritten`() throws {
    let directory = try directory()
    try directory.write([1, 2, 3], to: .plan)
    #expect(throws: EvidenceError.self) { try directory.write([4], to: .plan) }
    #expect(try directory.read(.plan) == [1, 2, 3])
  }

  @Test func `a run that was killed at once still reads`() throws {
    let directory = try directory()
    try directory.write(json: identity(), to: .identity)
    let evidence = try RunEvidence(reading: directory)
    #expect(evidence.identity == identity())
    #expect(evidence.events.isEmpty && evidence.outcome == nil && evidence.devices.isEmpty)
  }

  @Test func `what was on its way when the run was killed is told apart`() throws {
    let directory = try directory()
    try directory.write(json: identity(), to: .identity)
    let whole = Event.log("one").frame(sequence: 0).encoded()
    let cut = Event.log("two").frame(sequence: 1).encoded().dropLast(3)
    try directory.write(whole + cut, to: .telemetry)
    let counters = #"{"counts":[{"name":"reads","value":7}],"device":"disk","monotonic":1}"#
    try directory.write(Array((counters + "\n" + counters.dropLast(9)).utf8), to: .counters)
    try directory.write([], to: .outcome)
    let evidence = try RunEvidence(reading: directory)
    #expect(evidence.events == [.log("one")])
    #expect(evidence.stream.cutBytes == cut.count)
    #expect(evidence.devices.first?["reads"] == 7)
    #expect(evidence.outcome == nil)
  }

  @Test func `every outcome survives the way to disk and back`() throws {
    let outcomes: [RunOutcome] = [
      .finished, .guestPanic(text: "a\nb"), .guestFailed(text: "x"), .guestStopped(text: ""),
      .engineFault(text: "Oops: int3"), .engineFailed(text: "e"), .deviceFailed(text: "d"),
      .interrupted,
      .timedOut(
        TimeOver(
          waitingFor: "w", limit: .drain, limitNanoseconds: 1, elapsedNanoseconds: 2,
          silentNanoseconds: 3)),
      .tooMuchEvidence(of: .console, limitBytes: 4),
    ]
    for (index, outcome) in outcomes.enumerated() {
      let directory = try directory("00000\(index)0000000000")
      try directory.write(json: outcome, to: .outcome)
      #expect(try directory.read(json: RunOutcome.self, from: .outcome) == outcome)
    }
  }

  @Test func `a bounded file keeps the first bytes and tells when it is full`() throws {
    let directory = try directory()
    var file = BoundedFile(try directory.create(.console), limit: 5)
    var kept: [Int] = []
    var full: [Bool] = []
    for bytes: [UInt8] in [[1, 2, 3], [4, 5], [6]] {
      kept.append(try file.append(bytes))
      full.append(file.isFull)
    }
    #expect(kept == [3, 2, 0])
    #expect(full == [false, false, true])
    #expect(try directory.read(.console) == [1, 2, 3, 4, 5])
  }

  @Test func `a bounded file of whole lines holds no part of one, and none behind it`() throws {
    let directory = try directory()
    var file = BoundedFile(try directory.create(.events), limit: 5)
    for bytes: [UInt8] in [[1, 2, 3], [4, 5, 6], [7]] { try file.append(whole: bytes) }
    let isFull = file.isFull
    #expect(isFull)
    #expect(try directory.read(.events) == [1, 2, 3])
  }

  @Test func `a directory that no run wrote is refused by name`() throws {
    let error = #expect(throws: EvidenceError.self) {
      try RunEvidence(reading: RunDirectory(path: parent.path))
    }
    #expect(error?.description.contains("\(parent.path)/run.json") == true)
  }

  @Test func `a layout of another version is refused with both versions`() throws {
    let directory = try directory()
    var other = identity()
    other.schema = 99
    try directory.write(json: other, to: .identity)
    let error = #expect(throws: EvidenceError.self) { try RunEvidence(reading: directory) }
    #expect(error?.description.contains("version 99") == true)
  }
}
