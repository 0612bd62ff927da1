import Harness
import HostOS
import Scenario

/// The scenario files that a command line names.
struct ScenarioFiles {
  /// A scenario and the bytes that it was read from.
  struct Entry {
    let document: ScenarioDocument
    let bytes: [UInt8]
  }

  /// A scenario is a page of text; more is a mistake.
  private static let sizeLimit = 4 << 20

  private let paths: [String]
  private let timeoutNanoseconds: UInt64?

  init(_ paths: [String], timeout: String?) throws {
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

  /// Reads all of them; what is wrong with any is reported together.
  func documents() throws -> [Entry] {
    var entries: [Entry] = []
    var problems: [String] = []
    for file in try files() {
      do {
        let bytes = try Files.read(file, limit: Self.sizeLimit)
        let document = try ScenarioDocument(
          file: file, bytes: bytes, timeoutNanoseconds: timeoutNanoseconds)
        entries.append(Entry(document: document, bytes: bytes))
      } catch let error as ScenarioProblems {
        problems += error.description.split(separator: "\n").map(String.init)
      } catch {
        problems.append("\(error)")
      }
    }
    guard problems.isEmpty else { throw CommandFailure(problems, .usage) }
    return entries
  }

  private func files() throws -> [String] {
    var files: [String] = []
    for path in paths {
      let status: FileStatus?
      do {
        status = try Files.status(of: path)
      } catch {
        throw CommandFailure("\(error)", .usage)
      }
      guard let status else {
        throw CommandFailure("\(path): no such scenario file or directory", .usage)
      }
      guard status.kind == .directory else {
        files.append(path)
        continue
      }
      let found: [String]
      do {
        found = try Self.scenarios(in: path)
      } catch {
        throw CommandFailure("\(error)", .usage)
      }
      guard !found.isEmpty else {
        throw CommandFailure("\(path): no scenario (*.json) in this directory", .usage)
      }
      files += found
    }
    return files
  }

  /// Folders of folders are themes; deeper ones hold no scenarios, but what belongs to some.
  private static let depth = 3

  /// The scenarios of a directory, and those of its directories behind them.
  private static func scenarios(in directory: String, depth: Int = depth) throws -> [String] {
    var files: [String] = []
    var folders: [String] = []
    for name in try Files.entries(of: directory) where !name.hasPrefix(".") {
      let path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
      if name.hasSuffix(".json") {
        files.append(path)
      } else if depth > 1, try Files.status(of: path)?.kind == .directory {
        folders.append(path)
      }
    }
    for folder in folders { files += try scenarios(in: folder, depth: depth - 1) }
    return files
  }
}
