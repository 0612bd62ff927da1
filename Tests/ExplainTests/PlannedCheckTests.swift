import Explain
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct PlannedCheckTests {
  private static let scenario = Scenario(
    name: "t", machine: MachineSpec(topology: .flat(cpus: 2)),
    work: [
      WorkSpec(name: "spin", kind: .spin, workers: 3),
      WorkSpec(name: "yield", kind: .yield, workers: 1),
    ], durationNanoseconds: 1_000_000_000)

  @Test func `every check has words`() {
    let words = CheckID.allCases.map { ($0, $0.inWords) }
    for (id, text) in words { #expect(text?.isEmpty == false, "\(id.rawValue) has no words") }
    #expect(Set(words.compactMap(\.1)).count == CheckID.allCases.count)
  }

  @Test func `a check that is not asked for is not listed, and its default is`() {
    var scenario = Self.scenario
    let before = PlannedCheck.all(of: scenario)
    #expect(before.contains { $0.id == .workerProgress })
    #expect(!before.contains { $0.id == .workerGap })
    scenario.expect.progress = false
    scenario.expect.maxGap = [GapLimit(work: "yield", limitNanoseconds: 5)]
    let after = PlannedCheck.all(of: scenario)
    #expect(!after.contains { $0.id == .workerProgress })
    let gap = after.first { $0.id == .workerGap }
    #expect(gap?.subjects == [CheckSubject(.worker, "yield/0")])
    #expect(gap?.limit == Limit(.atMost, Quantity(5.0, .nanoseconds)))
  }

  @Test func `one check of several limits is listed with each`() {
    var scenario = Self.scenario
    scenario.expect.minRate = [
      RateLimit(work: "spin", perSecond: 10), RateLimit(work: "yield", perSecond: 20),
    ]
    let rates = PlannedCheck.all(of: scenario).filter { $0.id == .workerRate }
    #expect(rates.map(\.limit?.text) == ["at least 10/s", "at least 20/s"])
    #expect(rates.map(\.subjects.count) == [3, 1])
  }
}
