import Commands
import Foundation
import Testing

/// `ktstr check` reads what a command line names, and tells of each file.
@Suite struct ScenarioFilesTests {
  private static let good = """
    {
      "ktstr": 1, "name": "t", "duration": "1s", "machine": { "topology": "2n2l2c1t" },
      "work": [ { "name": "w", "type": "spin", "policy": "ext" } ]
    }
    """

  /// Calls with a directory that holds files of these names and texts.
  private func withFiles(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    for (name, text) in files {
      let file = root.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    try body(root.path())
  }

  @Test
  func `directories are searched with those below, in order, but for schemas and hidden files`()
    throws
  {
    let files = [
      "b.json": Self.good, "a/c.json": Self.good, "a/d/e.json": Self.good, "README.md": "text",
      "scenario.schema.json": "{}", ".hidden.json": "{}", ".git/x.json": "{}",
      "ktstr-results/one/run.json": "{}", "ktstr-results/one/scenario.json": Self.good,
    ]
    try withFiles(files) { root in
      let results = try ScenarioFiles([root], timeout: nil).results()
      #expect(
        results.map { $0.file.dropFirst(root.count + 1) } == ["a/c.json", "a/d/e.json", "b.json"])
      #expect(results.flatMap(\.problems) == [])
    }
  }

  @Test func `a link that leads back up ends`() throws {
    try withFiles(["a.json": Self.good]) { root in
      try FileManager.default.createSymbolicLink(
        atPath: root + "/loop", withDestinationPath: root)
      #expect(try ScenarioFiles([root], timeout: nil).results().count == 9)
    }
  }

  @Test func `one bad file takes no other's result away`() throws {
    let files = ["a.json": "{", "b.json": Self.good, "c.json": "{ \"ktstr\": 1, \"nmae\": \"c\" }"]
    try withFiles(files) { root in
      let results = try ScenarioFiles([root], timeout: nil).results()
      #expect(results.map(\.problems.isEmpty) == [false, true, false])
      #expect(results[2].problems.contains { $0.contains("c.json:1:15: unknown key \"nmae\"") })
      #expect(throws: (any Error).self) { try ScenarioFiles([root], timeout: nil).documents() }
    }
  }

  @Test func `the report for machines has place, path and needs`() throws {
    let wrong = Self.good.replacing("\"spin\"", with: "\"spni\"")
    try withFiles(["a.json": wrong, "b.json": Self.good]) { root in
      let results = try ScenarioFiles([root], timeout: nil).results()
      let report = CheckReport(results, exitStatus: 64)
      #expect(report.files.map(\.good) == [false, true])
      let problem = try #require(report.files[0].problems.first)
      #expect(problem.line == 3 && problem.column == 36 && problem.path == "work[0].type")
      #expect(report.files[1].needs?.map(\.option) == ["CONFIG_NUMA", "CONFIG_SCHED_CLASS_EXT"])
      #expect(report.files[1].engines == ["tcg", "kvm"])
      let read = try JSONDecoder().decode(CheckReport.self, from: Data(report.text().utf8))
      #expect(read.exitStatus == 64 && read.files.count == 2)
    }
  }
}
