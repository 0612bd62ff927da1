import Foundation
import Scenario
import Testing

/// The examples in `Scenarios/`, which also serve as end-to-end tests.
@Suite struct ShippedScenarioTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Scenarios")

  private static func scenario(_ name: String) throws -> Scenario {
    let file = folder.appending(path: name)
    return try ScenarioDocument(file: name, bytes: [UInt8](Data(contentsOf: file))).scenario
  }

  @Test(arguments: [
    "smoke.json", "fairness.json", "disk.json", "fails-starved.json", "fails-slow-disk.json",
    "phases.json",
  ])
  func `an example is good and named like its file`(file: String) throws {
    let scenario = try Self.scenario(file)
    #expect(scenario.name + ".json" == file)
    #expect(!scenario.description.isEmpty)
    #expect(scenario.durationNanoseconds <= 5_000_000_000)
  }

  @Test func `the starved worker cannot keep the gap that is expected of it`() throws {
    let scenario = try Self.scenario("fails-starved.json")
    let limit = try #require(scenario.expect.maxGap.first?.limitNanoseconds)
    let bandwidth = try #require(scenario.cgroups.first { $0.name == "starved" }?.cpuMax)
    let quota = try #require(bandwidth.quotaMicroseconds)
    #expect(limit < (bandwidth.periodMicroseconds - quota) * 1_000)
    #expect(scenario.durationNanoseconds > 2 * bandwidth.periodMicroseconds * 1_000)
  }

  @Test func `the slow disk cannot reach the rate that is expected of it`() throws {
    let scenario = try Self.scenario("fails-slow-disk.json")
    let rate = try #require(scenario.expect.minRate.first?.perSecond)
    guard case .delay(let nanoseconds) = scenario.machine.disk?.faults.first?.effect else {
      Issue.record("the disk has no delay")
      return
    }
    // One write for each block that is verified.
    #expect(1e9 / Double(nanoseconds) < rate / 5)
  }
}
