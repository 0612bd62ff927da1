import Evidence
import Scenario
import Testing
import Topology
import Verdict
import Wire

@Suite struct UtilisationTests {
  /// The fixture's run of 3 s with CPUs that were busy for so many tenths of a second.
  private func judged(
    _ limit: UtilisationLimit, tenths: [UInt64] = [29, 30, 1, 0], steal: UInt64 = 0,
    _ change: (inout RunEvidence) -> Void = { _ in }
  ) -> [CheckResult] {
    var scenario = Limits.scenario { $0.utilisation = [limit] }
    scenario.machine.topology = .flat(cpus: tenths.count)
    let evidence = Fixture.evidence.with {
      $0.resize(cpus: tenths.count)
      for (moment, factor) in [(KernelReading.Moment.workStarted, UInt64(0)), (.workEnded, 1)] {
        let cpus = tenths.enumerated().map { cpu, tenths in
          CPUTimes(
            cpu: UInt32(cpu), busy: Fixture.second + factor * tenths * 100 * Limits.millisecond,
            idle: Fixture.second + factor * (30 - tenths) * 100 * Limits.millisecond,
            steal: factor * steal)
        }
        // As many CPUs come: in several readings.
        for part in [cpus.prefix(2), cpus.dropFirst(2)] {
          $0.events.append(
            .kernelReading(
              KernelReading(
                moment: moment, monotonic: Fixture.start, what: .cpus(Array(part)))))
        }
      }
      $0.editReport(Fixture.spin0) { $0.runDelayNanoseconds = 2 * Fixture.second }
      change(&$0)
    }
    return judge(scenario, evidence).checks.filter { $0.id == .cpuUtilisation }
  }

  private func exact(_ cpus: [Int], least: Double? = nil, most: Double? = nil) -> UtilisationLimit {
    UtilisationLimit(subject: .some(.exact(cpus)), least: least, most: most)
  }

  @Test func `CPUs that idle are named with their shares and how long workers waited meanwhile`() {
    let check = judged(exact([2, 3], least: 0.2)).first
    #expect(check?.status == .fail)
    #expect(check?.subject.description == "CPUs 2-3")
    #expect(
      check?.detail
        == "CPUs 2-3 were busy for 1.67 % of the work (at least 20 %): CPU 2 3.33 %, CPU 3 0 %; "
        + "meanwhile workers waited for a CPU for 2 s in all")
  }

  @Test func `the borders are good`() {
    // 1.5 s of 3 s and 3 s of 3 s.
    func judge(least: Double? = nil, most: Double? = nil) -> [CheckResult] {
      judged(exact([0, 1], least: least, most: most), tenths: [15, 30, 1, 0])
    }
    let both = judge(least: 0.75, most: 0.75)
    #expect(both.map(\.status) == [.pass, .pass])
    #expect(both.map(\.limit?.relation) == [.atLeast, .atMost])
    #expect(judge(least: 0.751).first?.status == .fail)
    #expect(judge(most: 0.749).first?.status == .fail)
  }

  @Test func `all CPUs count together, and each part of the machine by itself`() {
    let all = judged(UtilisationLimit(subject: .all, least: 0.5))
    #expect(all.map(\.status) == [.pass])
    #expect(all.first?.measured == Quantity(0.5, .ratio))
    let each = judged(UtilisationLimit(subject: .each(.cpu), least: 0.5))
    #expect(each.map(\.subject.description) == ["CPU 0", "CPU 1", "CPU 2", "CPU 3"])
    #expect(each.map(\.status) == [.pass, .pass, .fail, .fail])
    #expect(each[3].detail.hasPrefix("CPU 3 was busy for 0 % of the work (at least 50 %)"))
    let llcs = judged(UtilisationLimit(subject: .each(.llc), least: 0.5))
    #expect(llcs.map(\.subject.description) == ["llc:0 (CPUs 0-3)"])
    #expect(llcs.map(\.status) == [.pass])
  }

  @Test func `time that the host took is neither busy nor idle`() {
    let check = judged(exact([0], least: 0.9), steal: 7 * Fixture.second).first
    #expect(check?.status == .pass)
    #expect(check?.subject.description == "CPU 0")
    #expect(check?.detail.contains("for 7 s the host ran something else") == true)
  }

  @Test func `what was not told or makes no time is not known`() {
    func detail(_ change: (inout RunEvidence) -> Void) -> String? {
      let check = judged(exact([2, 3], least: 0.2), change).first
      #expect(check?.status == .inconclusive)
      return check?.detail
    }
    func drop(_ moment: KernelReading.Moment) -> (inout RunEvidence) -> Void {
      {
        $0.drop {
          if case .kernelReading(let reading) = $0 { reading.moment == moment } else { false }
        }
      }
    }
    #expect(
      detail(drop(.workEnded))
        == "what CPUs 2-3 did with their time was not told for the end of the work "
        + "(the guest never sent it)")
    #expect(detail(drop(.workStarted))?.contains("for the start of the work") == true)
    func edit(_ moment: KernelReading.Moment, _ change: @escaping (inout [CPUTimes]) -> Void)
      -> (inout RunEvidence) -> Void
    {
      { evidence in
        for index in evidence.events.indices {
          guard case .kernelReading(var reading) = evidence.events[index],
            reading.moment == moment, case .cpus(var cpus) = reading.what
          else { continue }
          change(&cpus)
          reading.what = .cpus(cpus)
          evidence.events[index] = .kernelReading(reading)
        }
      }
    }
    #expect(
      detail(edit(.workEnded) { $0.removeAll { $0.cpu == 3 } })
        == "CPU 3 was offline at the end of the work, so its use is not known")
    #expect(
      detail(
        edit(.workEnded) { $0 = $0.map { CPUTimes(cpu: $0.cpu, busy: 0, idle: 0, steal: 0) } })?
        .contains("fell during the work") == true)
    #expect(
      detail(
        edit(.workEnded) {
          $0 = $0.map {
            CPUTimes(cpu: $0.cpu, busy: Fixture.second, idle: Fixture.second, steal: 0)
          }
        })?.hasPrefix("the kernel counted no time of CPUs 2-3") == true)
  }

  @Test func `two LLCs are judged one by one`() throws {
    let limit = UtilisationLimit(subject: .each(.llc), least: 0.2)
    let topology = try CPUTopology(nodes: 1, llcs: 2, coresPerLLC: 2, threadsPerCore: 1)
    #expect(limit.sets(on: topology).map(\.name) == ["llc:0", "llc:1"])
    #expect(limit.sets(on: topology).map(\.cpus) == [[0, 1], [2, 3]])
    let one = UtilisationLimit(subject: .some(.llc(1)), least: 0.2)
    #expect(one.sets(on: topology).map(\.cpus) == [[2, 3]])
    let node = UtilisationLimit(subject: .each(.numa), least: 0.2)
    #expect(node.sets(on: topology).map(\.cpus) == [[0, 1, 2, 3]])
  }
}
