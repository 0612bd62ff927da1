import Evidence
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct PressureTests {
  private static func reading(
    _ moment: KernelReading.Moment, seconds: UInt64, _ totals: [PressureTotal]
  ) -> Event {
    .kernelReading(
      KernelReading(
        moment: moment, monotonic: Fixture.start + seconds * Fixture.second,
        what: .pressure(totals)))
  }

  private static func total(
    _ cgroup: String, _ some: UInt64, full: UInt64? = 0, _ resource: PressureResource = .cpu
  ) -> PressureTotal {
    PressureTotal(
      cgroup: cgroup, resource: resource, some: some * Limits.millisecond,
      full: full.map { $0 * Limits.millisecond })
  }

  /// The fixture's 3 s with these totals at both ends.
  private func check(
    _ limit: PressureLimit, start: [PressureTotal]?, end: [PressureTotal]?,
    phases: [PhaseSpec] = []
  ) -> CheckResult? {
    var scenario = Limits.scenario { $0.pressure = [limit] }
    scenario.phases = phases
    let evidence = Fixture.evidence.with {
      if let start { $0.events.append(Self.reading(.workStarted, seconds: 0, start)) }
      if let end { $0.events.append(Self.reading(.workEnded, seconds: 3, end)) }
    }
    return judge(scenario, evidence).checks.first { $0.id == .pressure }
  }

  private let machine = PressureLimit(resource: .cpu, most: 0.5)

  @Test func `the share is that of the work alone, and its borders are good`() {
    let start = [Self.total("", 700)]
    let good = check(machine, start: start, end: [Self.total("", 2_200)])
    #expect(good?.status == .pass)
    #expect(good?.subject == CheckSubject(.machine))
    #expect(good?.measured == Quantity(0.5, .ratio))
    #expect(
      good?.detail == "tasks of the guest waited for a CPU for 50 % of the work (at most 50 %)")
    #expect(check(machine, start: start, end: [Self.total("", 2_201)])?.status == .fail)
    let least = PressureLimit(resource: .cpu, least: 0.5)
    #expect(check(least, start: start, end: [Self.total("", 2_200)])?.status == .pass)
    #expect(check(least, start: start, end: [Self.total("", 2_199)])?.status == .fail)
  }

  @Test func `a cgroup has a pressure of its own, and one that came later began with none`() {
    let limit = PressureLimit(resource: .memory, isFull: true, cgroup: "a", most: 0.1)
    let machine = Self.total("", 0, .memory)
    let failed = check(
      limit, start: [machine, Self.total("a", 5, full: 300, .memory)],
      end: [machine, Self.total("a", 5, full: 3_000, .memory)])
    #expect(failed?.status == .fail)
    #expect(failed?.subject.description == "cgroup a")
    #expect(
      failed?.detail
        == "all tasks in cgroup a at once waited for memory for 90 % of the work (at most 10 %)")
    let end = [machine, Self.total("a", 5, full: 300, .memory)]
    let later = check(
      limit, start: [machine], end: end,
      phases: [PhaseSpec(name: "p", actions: [.create(CgroupSpec(name: "a"))], hold: .time(1))])
    #expect(later?.status == .pass)
    #expect(later?.measured == Quantity(0.1, .ratio))
    let lost = check(limit, start: [machine], end: end)
    #expect(lost?.status == .inconclusive)
    #expect(
      lost?.detail
        == "the pressure of cgroup a at the start of the work was not told (the guest never sent "
        + "it)")
  }

  @Test func `what the kernel does not tell is not known`() {
    func detail(_ limit: PressureLimit, _ start: [PressureTotal]?, _ end: [PressureTotal]?)
      -> String?
    {
      let check = check(limit, start: start, end: end)
      #expect(check?.status == .inconclusive)
      return check?.detail
    }
    let some = [Self.total("", 1)]
    #expect(
      detail(machine, [], [])
        == "the kernel tells no pressure of cpu: it has no PSI (CONFIG_PSI), or has it switched off"
    )
    #expect(detail(machine, some, nil)?.contains("both ends of the work") == true)
    #expect(detail(machine, nil, some)?.contains("both ends of the work") == true)
    let cgroup = PressureLimit(resource: .cpu, cgroup: "a", most: 0.5)
    #expect(detail(cgroup, some, some)?.contains("not there any more") == true)
    #expect(
      detail(cgroup, some + [Self.total("a", 9)], some + [Self.total("a", 8)])?.contains("fell")
        == true)
    let full = PressureLimit(resource: .cpu, isFull: true, cgroup: "a", most: 0.5)
    let none = [Self.total("a", 9, full: nil)]
    #expect(detail(full, some + none, some + none)?.contains("no \"full\" pressure") == true)
  }
}

@Suite struct LocalityTests {
  private static let topology: CPUTopology? = try? CPUTopology(
    nodes: 2, llcs: 2, coresPerLLC: 1, threadsPerCore: 1)

  private func check(
    _ least: Double, nodes: [(UInt32, UInt64)]?, cpus: [(UInt32, UInt64)]
  ) throws -> CheckResult? {
    var scenario = Limits.scenario { $0.numaLocality = [LocalityLimit(work: "spin", least: least)] }
    scenario.machine.topology = try #require(Self.topology)
    let evidence = Fixture.evidence.with {
      $0.drop {
        switch $0 {
        case .cpuPlace, .nodePlace: true
        default: false
        }
      }
      guard let nodes else { return }
      $0.events.append(
        .kernelReading(
          KernelReading(
            moment: .workEnded, monotonic: Fixture.start,
            what: .pages(
              WorkerPages(
                id: Fixture.spin1, nodes: nodes.map { .init(place: $0.0, count: $0.1) },
                cpus: cpus.map { .init(place: $0.0, count: $0.1) })))))
    }
    return judge(scenario, evidence).check(.numaLocality, "spin/1")
  }

  @Test func `memory is near as far as the worker was on its node`() throws {
    let bad = try check(0.8, nodes: [(0, 3072), (1, 1024)], cpus: [(0, 10), (1, 30)])
    #expect(bad?.status == .fail)
    // 3/4 of the memory at 1/4 of the time, and the other way round.
    #expect(bad?.measured == Quantity(0.375, .ratio))
    #expect(
      bad?.detail
        == "spin/1 had 37.5 % of its memory near (at least 80 %): of 4 MiB, 75 % on node 0, 25 % on "
        + "node 1; it was on node 0 at 25 %, on node 1 at 75 % of 40 samples")
    let away = try check(0.1, nodes: [(0, 3072)], cpus: [(1, 30)])
    #expect(away?.status == .fail)
    #expect(away?.measured == Quantity(0.0, .ratio))
    let border = try check(0.375, nodes: [(0, 3072), (1, 1024)], cpus: [(0, 10), (1, 30)])
    #expect(border?.status == .pass)
    #expect(try check(1, nodes: [(1, 8)], cpus: [(1, 1)])?.status == .pass)
  }

  @Test func `no memory, no sample and no word are not known`() throws {
    let none = try check(0.5, nodes: [], cpus: [(0, 1)])
    #expect(none?.status == .inconclusive)
    #expect(none?.detail.contains("no memory of its own") == true)
    let unseen = try check(0.5, nodes: [(0, 4)], cpus: [])
    #expect(unseen?.status == .inconclusive)
    // A CPU that the machine does not have is no place.
    let stray = try check(0.5, nodes: [(0, 4)], cpus: [(9, 5)])
    #expect(stray?.status == .inconclusive)
    let silent = try check(0.5, nodes: nil, cpus: [])
    #expect(silent?.status == .inconclusive)
    #expect(silent?.detail.contains("was not told at the end of the work") == true)
  }
}
