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

  /// Paths below the folder, sorted.
  private static let files: [String] = {
    let found = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String }
    return (found ?? []).filter { $0.hasSuffix(".json") }.sorted()
  }()

  @Test(arguments: files)
  func `an example is good, short, says its purpose and is named like its file`(
    file: String
  ) throws {
    let scenario = try Self.scenario(file)
    #expect("/\(file)".hasSuffix("/\(scenario.name).json"))
    #expect(scenario.description.hasSuffix("."))
    #expect(scenario.durationNanoseconds <= 15_000_000_000)
  }

  @Test func `there are 25 examples or more, and no two of a name`() throws {
    #expect(Self.files.count >= 25)
    let names = Self.files.map { $0.split(separator: "/").last }
    #expect(Set(names).count == names.count)
  }

  @Test(arguments: [
    "fifo", "vtime", "fails-stuck-task", "fails-starved-cgroup", "fails-ignored-cpuset",
    "fails-leaked-dsq", "fails-crash-exit", "fails-slow-wakeup", "fails-idle-llc",
  ])
  func `a scheduler's example is good, says what it must do, and has a scheduler`(
    name: String
  ) throws {
    let scenario = try Self.scenario("schedulers/\(name).json")
    #expect(scenario.name == name)
    #expect(scenario.description.hasPrefix("Must fail: ") == name.hasPrefix("fails-"))
    #expect(scenario.scheduler != nil)
    #expect((scenario.expectFailure != nil) == name.hasPrefix("fails-"))
    #expect(scenario.durationNanoseconds <= 12_000_000_000)
  }

  @Test func `the starved worker cannot keep the gap that is expected of it`() throws {
    let scenario = try Self.scenario("failures/starved.json")
    let limit = try #require(scenario.expect.maxGap.first?.limitNanoseconds)
    let bandwidth = try #require(scenario.cgroups.first { $0.name == "starved" }?.cpuMax)
    let quota = try #require(bandwidth.quotaMicroseconds)
    #expect(limit < (bandwidth.periodMicroseconds - quota) * 1_000)
    #expect(scenario.durationNanoseconds > 2 * bandwidth.periodMicroseconds * 1_000)
  }

  @Test func `the slow disk cannot reach the rate that is expected of it`() throws {
    let scenario = try Self.scenario("failures/slow-disk.json")
    let rate = try #require(scenario.expect.minRate.first?.perSecond)
    guard case .delay(let nanoseconds) = scenario.machine.disk?.faults.first?.effect else {
      Issue.record("the disk has no delay")
      return
    }
    // One write for each block that is verified.
    #expect(1e9 / Double(nanoseconds) < rate / 5)
  }
}
