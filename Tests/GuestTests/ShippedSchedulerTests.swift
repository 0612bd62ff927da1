import Foundation
import HostOS
import Testing

/// The scenarios in `Scenarios/schedulers`: the broken schedulers fail, the working ones pass, also
/// where a broken one would fail.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct ShippedSchedulerTests {
  private let scratch = Scratch()
  private static let kernel = ["--kernel", "6.18"]
  private static let folder = KtstrProcess.root + "/Scenarios/schedulers"

  @Test(arguments: ["fifo", "vtime"])
  func `a working scheduler passes`(name: String) throws {
    let run = try Invocation.test(
      ["\(Self.folder)/\(name).json"], options: Self.kernel, in: scratch
    ).run()
    #expect(Invocation.failures(of: run) == [])
  }

  /// What the failure says of task, CPU, cgroup and time, beside what the scenario itself asks for.
  private static let culprits: [(name: String, marks: [String])] = [
    ("stuck-task", ["the kernel threw stuck_task out ", "] failed to run for ", "its dump is in"]),
    ("starved-cgroup", ["into the work", "on CPU "]),
    (
      "ignored-cpuset",
      ["(runtime error, kind 1024: ", "bound/0 in cgroup walled, which must keep to CPUs 0"]
    ),
    ("leaked-dsq", ["the kernel threw leak_dsq out ", "] failed to run for ", "its dump is in"]),
    ("crash-exit", ["] ended)", "its dump is in scheduler-dump.txt"]),
    ("idle-llc", ["CPU 2 ", "CPU 3 ", "workers waited for a CPU"]),
    ("slow-wakeup", ["the worst worker is pingpong/", "into the work", "on CPU "]),
  ]

  @Test(arguments: culprits)
  func `a broken scheduler fails by its culprit, and a working one in its place does not`(
    name: String, marks: [String]
  ) throws {
    let file = "\(Self.folder)/fails-\(name).json"
    let object = try Self.object(of: file)
    let (run, good) = try runBoth(file, object)
    #expect(run.verdict.status == "pass", "\(Invocation.failures(of: run))")
    let found = try #require(run.verdict.checks.first { $0.id == "expectFailure" })
    #expect(found.status == "pass")
    for mark in marks { #expect(found.detail.contains(mark), "\(mark): \(found.detail)") }
    #expect(Invocation.failures(of: good) == [])
    #expect(good.verdict.status == "pass")
    // The same run, judged as if it had to fail.
    let judging = object.filter { ["expect", "expectFailure"].contains($0.key) }
    let expectations = try scratch.write(try Self.text(judging), to: "judging-\(name).json")
    let process = try KtstrProcess(
      ["judge", good.directory, "--expect", expectations, "--format", "json"])
    _ = try process.finish()
    let report = try JSONDecoder().decode(
      Invocation.Report.self, from: Data(process.output.utf8))
    let again = try #require(report.runs.first)
    #expect(again.verdict.status == "fail")
    #expect(again.verdict.headline.contains("was expected to fail with"))
  }

  @Test func `the other working scheduler passes, too, where the broken ones fail`() throws {
    let copies = try Self.culprits.map { culprit in
      let object = try Self.object(of: "\(Self.folder)/fails-\(culprit.name).json")
      return try scratch.write(
        try Self.replacingScheduler(of: object, by: "fifo"), to: "fifo-\(culprit.name).json")
    }
    let invocation = try Invocation.test(copies, options: Self.kernel, in: scratch)
    let runs = try #require(invocation.report?.runs)
    #expect(runs.count == copies.count)
    for run in runs { #expect(run.verdict.status == "pass", "\(Invocation.failures(of: run))") }
  }

  /// Runs a scenario beside its copy under a working scheduler: each of the guests has one host
  /// thread.
  private func runBoth(
    _ file: String, _ object: [String: Any]
  ) throws -> (broken: Invocation.Report.Run, working: Invocation.Report.Run) {
    let name = try #require(object["name"] as? String)
    let copy = try scratch.write(
      try Self.replacingScheduler(of: object), to: "working-\(name).json")
    let broken = try Invocation.begin([file], options: Self.kernel, in: scratch)
    let working = try Invocation.begin([copy], options: Self.kernel, in: scratch)
    return (
      try Invocation(finishing: broken).run(), try Invocation(finishing: working).run()
    )
  }

  private static func object(of file: String) throws -> [String: Any] {
    let text = try Files.read(file, limit: 1 << 20)
    return try #require(try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any])
  }

  private static func text(_ object: [String: Any]) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
  }

  /// The scenario under a working scheduler, with the same slice, which must then pass.
  private static func replacingScheduler(
    of object: [String: Any], by name: String = "vtime"
  ) throws -> String {
    let scheduler = object["scheduler"] as? [String: Any]
    let settings = (scheduler?["settings"] as? [String: Any])?.filter { $0.key == "slice_ns" }
    var changed = object
    changed["expectFailure"] = nil
    changed["scheduler"] = [
      "object": KtstrProcess.root + "/.build/schedulers/\(name).bpf.o", "settings": settings ?? [:],
    ]
    return try text(changed)
  }
}
