package import Evidence
import HostOS
package import Scenario
package import Verdict

/// An old run, judged again by its evidence; nothing is written.
package struct Rejudgement: Sendable {
  /// What the run was.
  package var identity: RunIdentity
  /// Where its evidence lies.
  package var directory: RunDirectory
  /// What it is worth by today's checks.
  package var verdict: Verdict
  /// How long its process took, nanoseconds; 0 where it did not come to tell.
  package var wallNanoseconds: UInt64
  /// The attempt before it, where an engine fault made another necessary.
  package var repeated: RunResult.RepeatedAttempt?

  /// Judges the run in a directory.
  ///
  /// - Parameter expectations: name and content of a file that takes the place of the scenario's
  ///   `expect` and `expectFailure`.
  /// - Throws: ``RejudgementError``.
  package init(
    of directory: RunDirectory, by expectations: (file: String, bytes: [UInt8])? = nil
  ) throws(RejudgementError) {
    let identity = try Self.identity(of: directory)
    let document = try Self.scenario(of: directory, identity, expectations)
    self.identity = identity
    self.directory = directory
    let last = try? directory.read(json: VerdictFile.self, from: .verdict)
    repeated = last?.repeated
    wallNanoseconds = Self.wall(of: (try? directory.milestones()) ?? [])
    if let last, last.verdict.status == .skipped {
      // It never ran, so there is nothing to judge.
      verdict = last.verdict
      return
    }
    do throws(EvidenceError) {
      verdict = judge(document.scenario, try RunEvidence(reading: directory))
    } catch {
      throw .evidence(error)
    }
  }

  private static func identity(
    of directory: RunDirectory
  ) throws(RejudgementError) -> RunIdentity {
    let found: FileStatus?
    do throws(SystemCallError) {
      found = try Files.status(of: directory.path)
    } catch {
      throw .evidence(.system(error))
    }
    guard found?.kind == .directory else { throw .notARun(path: directory.path) }
    let identity: RunIdentity?
    do throws(EvidenceError) {
      identity = try directory.read(json: RunIdentity.self, from: .identity)
    } catch {
      throw .evidence(error)
    }
    guard let identity else { throw .notARun(path: directory.path) }
    guard identity.schema == RunIdentity.currentSchema else {
      throw .evidence(
        .unsupportedSchema(found: identity.schema, supported: RunIdentity.currentSchema))
    }
    return identity
  }

  private static func scenario(
    of directory: RunDirectory, _ identity: RunIdentity,
    _ expectations: (file: String, bytes: [UInt8])?
  ) throws(RejudgementError) -> ScenarioDocument {
    let file = directory.path(of: .scenario)
    let bytes: [UInt8]?
    // Of the request only the timeout matters, which the command line may have set.
    let request: RunRequest?
    do throws(EvidenceError) {
      bytes = try directory.read(.scenario)
      request = try directory.read(json: RunRequest.self, from: .machine)
    } catch {
      throw .evidence(error)
    }
    guard let bytes, !bytes.isEmpty else { throw .incomplete(missing: file) }
    do throws(ScenarioProblems) {
      let document = try ScenarioDocument(
        file: file, bytes: bytes, timeoutNanoseconds: request?.limits.total)
      guard document.scenario.name == identity.scenario else {
        throw ScenarioProblems([
          document.problem(
            at: "name",
            "the run is one of the scenario \"\(identity.scenario)\": this file is of another")
        ])
      }
      guard let expectations else { return document }
      return try document.expecting(file: expectations.file, bytes: expectations.bytes)
    } catch {
      throw .scenario(error)
    }
  }

  private static func wall(of milestones: [Milestone]) -> UInt64 {
    let hosts = milestones.filter { $0.name != .judged }.map(\.host)
    guard let first = hosts.min(), let last = hosts.max() else { return 0 }
    return last - first
  }
}

/// Why an old run could not be judged again.
package enum RejudgementError: Error, CustomStringConvertible {
  /// There is no directory, or none that a run of ours made.
  case notARun(path: String)
  /// A file that every run has is missing.
  case incomplete(missing: String)
  /// A file cannot be read, or is of another version.
  case evidence(EvidenceError)
  /// The scenario is not the run's, this build does not read it, or the other expectations are
  /// wrong.
  case scenario(ScenarioProblems)

  package var description: String {
    switch self {
    case .notARun(let path):
      "\(path): not a run directory: there is no \(RunFile.identity.rawValue) in it"
    case .incomplete(let file): "\(file): missing: the run directory is not complete"
    case .evidence(let error): error.description
    case .scenario(let problems): problems.description
    }
  }
}
