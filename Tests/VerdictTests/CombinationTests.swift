import Evidence
import Foundation
import Scenario
import Testing
import Verdict
import Wire

@Suite struct CombinationTests {
  @Test func `a run in which all was well passes, and every check is listed`() {
    let verdict = judge(Fixture.scenario, Fixture.evidence)
    #expect(verdict.status == .pass)
    #expect(verdict.headline == "all 22 checks passed")
    #expect(verdict.reasons == [])
    #expect(
      verdict.checks.map { "\($0.id.rawValue) \($0.subject)" }
        == [
          "run.finished run", "run.identity run", "machine.cpus machine",
          "machine.topology machine", "kernel.health kernel",
          "telemetry telemetry", "worker.progress spin/0", "worker.progress spin/1",
          "worker.end spin/0", "worker.end spin/1", "worker.gap spin/0", "worker.gap spin/1",
          "worker.rate spin/0", "worker.rate spin/1", "worker.progress disk/0",
          "worker.end disk/0", "worker.gap disk/0", "fairness cgroup a", "fairness work spin",
          "disk.verified disk/0", "device.ioErrors disk ioErrors",
          "device.minimum disk bytesRead",
        ])
  }

  @Test func `without expectations the default checks remain`() {
    var scenario = Fixture.scenario
    scenario.expect = Expectations(diskVerified: true, device: DeviceExpectations())
    let ids = Set(judge(scenario, Fixture.evidence).checks.map(\.id))
    #expect(
      ids == [
        .runFinished, .runIdentity, .machineCPUs, .machineTopology, .kernelHealth, .telemetry,
        .workerProgress,
        .workerEnd, .diskVerified, .deviceIOErrors,
      ])
    scenario.expect = Expectations(progress: false)
    scenario.machine.disk = nil
    #expect(
      Set(judge(scenario, Fixture.evidence).checks.map(\.id))
        == [
          .runFinished, .runIdentity, .machineCPUs, .machineTopology, .kernelHealth, .telemetry,
          .workerEnd,
        ])
  }

  private func check(_ status: CheckStatus, _ detail: String) -> CheckResult {
    CheckResult(.workerGap, CheckSubject(.worker, "w"), status, detail)
  }

  @Test func `a failure outweighs an error, and that what could not be judged`() {
    let pass = check(.pass, "p")
    let fail = check(.fail, "f")
    let error = check(.error, "e")
    let unknown = check(.inconclusive, "i")
    #expect(Verdict(checks: [pass, unknown, error, fail]).status == .fail)
    #expect(Verdict(checks: [pass, unknown, error]).status == .error)
    #expect(Verdict(checks: [pass, unknown]).status == .inconclusive)
    #expect(Verdict(checks: [pass]).status == .pass)
    #expect(Verdict(checks: [pass]).headline == "the only check passed")
    #expect(Verdict(checks: []).status == .inconclusive)
    let two = Verdict(checks: [pass, fail, error, check(.fail, "g")])
    #expect(two.headline == "f (and 1 more)")
    #expect(two.reasons == ["f", "g"])
  }

  @Test func `what was not run has a verdict too`() {
    #expect(Verdict.skipped("needs KVM").status == .skipped)
    #expect(Verdict.error("no kernel").status == .error)
    #expect(Verdict.error("no kernel").headline == "no kernel")
  }

  @Test func `a verdict comes back from JSON as it was`() throws {
    let verdict = judged { $0.editReport(Fixture.spin0) { $0.longestGapNanoseconds = 1 << 33 } }
    let data = try JSONEncoder().encode(verdict)
    #expect(try JSONDecoder().decode(Verdict.self, from: data) == verdict)
    #expect(String(decoding: data, as: UTF8.self).contains(#""id":"worker.gap""#))
  }

  @Test func `the same evidence gives the same verdict`() {
    let evidence = Fixture.evidence.with { $0.dropReport(Fixture.spin1) }
    #expect(judge(Fixture.scenario, evidence) == judge(Fixture.scenario, evidence))
  }
}
