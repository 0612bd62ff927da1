import Glibc
import HostOS
import Testing

/// `ktstr` in the hands of careless parents: closed and odd descriptors, ignored signals, odd names.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct SurroundingsTests {
  private let scratch = Scratch()

  private func quick() throws -> String {
    try scratch.write(
      """
      {"ktstr": 1, "name": "quick", "duration": "300ms", "machine": {"cpus": 1},
       "work": [{"name": "spin", "type": "spin"}]}
      """, to: "quick.json")
  }

  private func status(
    _ shell: String, arguments: [String]? = nil
  ) throws -> (HostOS.ExitStatus?, KtstrProcess) {
    let process = try KtstrProcess(
      ["test", try quick(), "--output", "\(scratch.path)/results"] + (arguments ?? []),
      launcher: ["/bin/bash", "-c", shell])
    return (try process.finish(), process)
  }

  /// How many runs have a verdict, but for those that a fault of the software CPU made happen twice.
  private func verdicts(in results: String = "results") throws -> Int {
    let results = "\(scratch.path)/\(results)"
    return try Files.entries(of: results).count { run in
      let names = try Files.entries(of: "\(results)/\(run)")
      guard names.contains("verdict.json") else { return false }
      let outcome = try Files.read("\(results)/\(run)/outcome.json", limit: 1 << 20)
      return !String(decoding: outcome, as: UTF8.self).contains("engineFault")
    }
  }

  @Test func `a reader that goes away takes no run with it`() throws {
    let (end, _) = try status("\"$0\" \"$@\" | true; exit ${PIPESTATUS[0]}")
    #expect(end == .exited(0))
    #expect(try verdicts() == 1)
  }

  @Test func `closed standard descriptors are no files of ours`() throws {
    let (end, _) = try status("exec \"$0\" \"$@\" <&- >&- 2>&-")
    #expect(end == .exited(0))
    #expect(try verdicts() == 1)
  }

  @Test func `a report that cannot be written whole is no success`() throws {
    let (end, process) = try status(
      "exec \"$0\" \"$@\" >/dev/full", arguments: ["--format", "json"])
    #expect(end == .exited(3))
    #expect(process.errors.contains("the report on standard output"))
  }

  @Test func `children can be waited for though the parent ignores SIGCHLD`() throws {
    let (end, process) = try status("trap '' CHLD; exec \"$0\" \"$@\"")
    #expect(end == .exited(0), "\(process.errors)")
  }

  @Test func `a hangup that nohup has us ignore is ignored`() throws {
    let process = try KtstrProcess(
      ["test", try quick(), "--output", "\(scratch.path)/results", "--verbose"],
      launcher: ["/bin/bash", "-c", "trap '' HUP; exec \"$0\" \"$@\""])
    try #require(try process.awaitOutput("booting"))
    process.send(SIGHUP)
    #expect(try process.finish() == .exited(0))
  }

  @Test func `an output directory may have any name`() throws {
    for name in ["-x", "a b,c", "new\nline"] {
      let process = try KtstrProcess(
        ["test", try quick(), "--output=\(name)"], directory: scratch.path)
      #expect(try process.finish() == .exited(0), "\(name): \(process.output)\(process.errors)")
      #expect(try verdicts(in: name) == 1)
    }
  }

  @Test func `an interrupt between two runs ends it all, with a report`() throws {
    let process = try KtstrProcess(
      [
        "test", try quick(), "Scenarios/smoke.json", "--format", "json", "--verbose", "--output",
        "\(scratch.path)/results",
      ])
    // The second run goes on while the interrupt arrives.
    for _ in 0..<600 where (try? verdicts()) != 1 { usleep(50_000) }
    process.send(SIGINT)
    #expect(try process.finish(seconds: 10) == .exited(130))
    #expect(process.output.contains("\"exitStatus\" : 130"), "\(process.output)")
    #expect(process.output.contains("\"scenario\" : \"quick\""))
  }
}
