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

  @Test(arguments: [
    ("stuck-task", ["worker.gap: light/", "(runnable task stall, kind 1026: light."]),
    ("starved-cgroup", ["worker.gap: victim/0 stood still for"]),
    (
      "ignored-cpuset",
      ["(runtime error, kind 1024: SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for bound."]
    ),
    ("leaked-dsq", ["worker.gap: light/", "(runnable task stall, kind 1026: light."]),
    ("crash-exit", ["(scx_bpf_error, kind 1025: task churn."]),
    ("slow-wakeup", ["worker.rate: pingpong/0 did", "worker.rate: pingpong/1 did"]),
    ("idle-llc", ["worker.gap: spin/"]),
  ])
  func `a broken scheduler fails by its culprit, and a working one in its place passes`(
    name: String, marks: [String]
  ) throws {
    let file = "\(Self.folder)/fails-\(name).json"
    let run = try Invocation.test([file], options: Self.kernel, in: scratch).run()
    let failures = Invocation.failures(of: run)
    #expect(run.verdict.status == "fail")
    for mark in marks {
      #expect(failures.contains { $0.contains(mark) }, "\(mark): \(failures)")
    }
    let working = try Self.replacingScheduler(of: file)
    let good = try Invocation.test(
      [try scratch.write(working, to: "fails-\(name).json")], options: Self.kernel, in: scratch
    ).run()
    #expect(Invocation.failures(of: good) == [])
    #expect(good.verdict.status == "pass")
  }

  /// The scenario under `vtime`, with the same slice.
  private static func replacingScheduler(of file: String) throws -> String {
    let text = try Files.read(file, limit: 1 << 20)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any])
    let scheduler = object["scheduler"] as? [String: Any]
    let settings = (scheduler?["settings"] as? [String: Any])?.filter { $0.key == "slice_ns" }
    var changed = object
    changed["scheduler"] = [
      "object": KtstrProcess.root + "/.build/schedulers/vtime.bpf.o", "settings": settings ?? [:],
    ]
    return String(decoding: try JSONSerialization.data(withJSONObject: changed), as: UTF8.self)
  }
}
