import Evidence
import Harness
import HostOS
package import Scenario

/// The scenario files that a command line names.
package struct ScenarioFiles {
  /// A scenario and the bytes that it was read from.
  package struct Entry {
    package let document: ScenarioDocument
    package let bytes: [UInt8]
  }

  /// A scenario is a page of text; more is a mistake.
  private static let sizeLimit = 4 << 20

  /// Stands for standard input on the command line.
  private static let standardInput = "-"
  /// Directories in directories.
  private static let maximumDepth = 8

  private let paths: [String]
  private let timeoutNanoseconds: UInt64?

  package init(_ paths: [String], timeout: String?) throws {
    self.paths = paths
    if let timeout {
      switch TimeText.parse(timeout) {
      case .success(0): throw CommandFailure("--timeout: must be longer than nothing", .usage)
      case .success(let limit): timeoutNanoseconds = limit
      case .failure(let error): throw CommandFailure("--timeout: \(error.message)", .usage)
      }
    } else {
      timeoutNanoseconds = nil
    }
  }

  /// A file, and what it is worth.
  package struct Result {
    /// What became of the file.
    package enum Outcome {
      case good(Entry)
      case wrong(ScenarioProblems)
      /// With the reason.
      case unreadable(String)
    }

    package let file: String
    package let outcome: Outcome

    /// What is wrong, a line each.
    package var problems: [String] {
      switch outcome {
      case .good: []
      case .wrong(let problems): problems.description.split(separator: "\n").map(String.init)
      case .unreadable(let reason): [reason]
      }
    }
  }

  /// Reads all of them; what is wrong with any is reported together.
  package func documents() throws -> [Entry] {
    let results = try results()
    let problems = results.flatMap(\.problems)
    guard problems.isEmpty else { throw CommandFailure(problems, .usage) }
    return results.compactMap { result in
      if case .good(let entry) = result.outcome { entry } else { nil }
    }
  }

  /// Reads all of them, and tells of each.
  package func results() throws -> [Result] {
    try files().map { Result(file: $0 == Self.standardInput ? "<stdin>" : $0, outcome: read($0)) }
  }

  private func read(_ file: String) -> Result.Outcome {
    let isInput = file == Self.standardInput
    do {
      let bytes =
        isInput
        ? try DescriptorIO.readToEnd(0, subject: "standard input", limit: Self.sizeLimit)
        : try Files.read(file, limit: Self.sizeLimit)
      let document = try ScenarioDocument(
        file: isInput ? "<stdin>" : file, bytes: bytes, timeoutNanoseconds: timeoutNanoseconds)
      return .good(Entry(document: document, bytes: bytes))
    } catch let error as ScenarioProblems {
      return .wrong(error)
    } catch {
      return .unreadable("\(error)")
    }
  }

  private func files() throws -> [String] {
    var files: [String] = []
    for path in paths {
      guard path != Self.standardInput else {
        files.append(path)
        continue
      }
      guard let status = try status(of: path) else {
        throw CommandFailure("\(path): no such scenario file or directory", .usage)
      }
      guard status.kind == .directory else {
        files.append(path)
        continue
      }
      let found = try scenarios(below: path, depth: Self.maximumDepth)
      guard !found.isEmpty else {
        throw CommandFailure("\(path): no scenario (*.json) in this directory", .usage)
      }
      files += found
    }
    return files
  }

  /// The scenarios of a directory and those below it, in the order of their names.
  ///
  /// A schema that lies beside them for an editor is none, and neither is what is hidden or what
  /// a run has left.
  private func scenarios(below directory: String, depth: Int) throws -> [String] {
    let names: [String]
    do {
      names = try Files.entries(of: directory)
    } catch {
      throw CommandFailure("\(error)", .usage)
    }
    // What runs have left behind has a scenario as well.
    guard !names.contains(RunFile.identity.rawValue) else { return [] }
    var files: [String] = []
    for name in names where !name.hasPrefix(".") {
      let path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
      if try status(of: path)?.kind == .directory {
        // A link may lead back up.
        if depth > 0 { files += try scenarios(below: path, depth: depth - 1) }
      } else if name.hasSuffix(".json"), !name.hasSuffix(".schema.json") {
        files.append(path)
      }
    }
    return files
  }

  private func status(of path: String) throws -> FileStatus? {
    do {
      return try Files.status(of: path)
    } catch {
      throw CommandFailure("\(error)", .usage)
    }
  }
}
