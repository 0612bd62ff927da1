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
        found = try Files.entries(of: path).filter { $0.hasSuffix(".json") }
      } catch {
        throw CommandFailure("\(error)", .usage)
      }
      guard !found.isEmpty else {
        throw CommandFailure("\(path): no scenario (*.json) in this directory", .usage)
      }
      files += found.map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
    }
    return files
  }
}
