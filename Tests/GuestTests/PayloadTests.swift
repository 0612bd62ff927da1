import Foundation
import HostOS
import Testing

/// Programs that others wrote, as payloads of the shipped scenarios that need them.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(3)))
struct PayloadTests {
  private let scratch = Scratch()

  @Test(arguments: [("fio", "6.1", 3), ("hackbench", "6.18", 1)])
  func `a benchmark of the host's does its work, and its figures are judged`(
    name: String, kernel: String, metrics: Int
  ) throws {
    let run = try Invocation.test(
      ["Scenarios/benchmarks/\(name).json"], options: ["--kernel", kernel], in: scratch
    ).run()
    #expect(Invocation.failures(of: run) == [])
    let judged = run.verdict.checks.filter { $0.id == "payload.metric" }
    #expect(judged.count == metrics)
    for check in judged { #expect(check.detail.contains { $0.isNumber }, "\(check)") }
    guard name == "fio" else { return }
    // Every read that fio counts is one that the disk served; partition probes are a few more.
    let counted = try #require(
      try number("total_ios\" : ", in: "payload-fio.file0", of: run.directory))
    let served = try #require(
      try number("\"reads\",\"value\":", in: "counters.jsonl", of: run.directory))
    #expect(counted > 0 && counted <= served && served <= counted + 100)
  }

  @Test func `a pipe where a metric's file should be is no figure, and holds nobody up`() throws {
    let file = try scratch.write(
      """
      {"ktstr": 1, "name": "pipe", "duration": "1s", "machine": {"cpus": 1},
       "work": [{"name": "spin", "type": "spin"}],
       "payload": [{"name": "pipe", "program": "mkfifo", "arguments": ["/tmp/o"],
                    "metrics": [{"name": "x", "pointer": "/x", "from": "file:/tmp/o"}]}],
       "expect": {"payload": [{"name": "pipe", "metric": "x", "min": 1}]}}
      """, to: "pipe.json")
    let run = try Invocation.test([file], in: scratch).run()
    #expect(run.verdict.status == "inconclusive", "\(run.verdict.headline)")
    let open = run.verdict.checks.filter { $0.status != "pass" }
    #expect(open.map(\.id) == ["payload.metric"])
  }

  /// The number behind the last occurrence of a text that is not 0.
  private func number(_ text: String, in file: String, of directory: String) throws -> Int? {
    let content = String(
      decoding: try Files.read(directory + "/" + file, limit: 1 << 24), as: UTF8.self)
    return content.components(separatedBy: text).dropFirst()
      .compactMap { Int($0.prefix(while: \.isNumber)) }.last { $0 != 0 }
  }
}
