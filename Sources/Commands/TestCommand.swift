package import ArgumentParser
import Evidence
package import Harness
import HostOS
import KVM
import Kernels
import Machine
package import Report
import Scenario
import SystemPackage
import Verdict

/// `ktstr test`: runs scenarios on kernels and gives verdicts.
package struct TestCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Runs scenarios on real guests and says pass or fail, with the reasons.",
    discussion: """
      Exit status: 0 every run passed; 1 a check failed; 2 nothing failed, but something could \
      not be judged; 3 the harness could not do its job; 4 nothing ran, all was skipped; \
      64 the command line or a scenario is wrong; 130 interrupted.
      """)

  @Argument(
    help: ArgumentHelp("Scenario files, or directories of them.", valueName: "file-or-dir"))
  var paths: [String]

  @Option(
    help: ArgumentHelp(
      "Kernel: an id, a version prefix such as 6.12, or a path. Repeat it for a matrix.",
      valueName: "id|version|path"))
  var kernel: [String] = []

  @Option(help: "Engine that runs the guests.")
  var engine: EngineRequest = .auto

  @Option(
    help: ArgumentHelp(
      "Wall time that a run may take, such as 90s; wins over the scenario's.",
      valueName: "time"))
  var timeout: String?

  @Option(help: ArgumentHelp("Where run directories are made.", valueName: "dir"))
  var output = "ktstr-results"

  @Option(help: "Form of the report on standard output.")
  var format: ReportFormat = .pretty

  @Flag(name: .shortAndLong, help: "Lists the checks that passed, too, and each phase.")
  var verbose = false

  @Flag(help: "Keeps the scratch disk's content in the run directory.")
  var keep = false

  package init() {}

  package func run() throws {
    try reportingFailures {
      let status = try runAll()
      guard status == .success else { throw ArgumentParser.ExitCode(status.rawValue) }
    }
  }

  private func runAll() throws -> Harness.ExitCode {
    let documents = try ScenarioFiles(paths, timeout: timeout).documents()
    let store = try KernelStore.standard()
    let kernels = try resolveKernels(in: store)
    let choice = try chooseEngine()
    let executable = try OwnExecutable.path()
    let preparation = Preparation(
      initProgram: try GuestInitProgram.locate(executable: executable), store: store)
    let runner = Runner(
      preparation: preparation, supervisor: try Supervisor(program: executable))
    var display = RunDisplay(format: format, isVerbose: verbose)
    display.begin(engine: choice)
    var runs: [ReportedRun] = []
    for document in documents {
      for kernel in kernels {
        let order = RunOrder(
          document: document.document, scenarioBytes: document.bytes, kernel: kernel,
          engine: choice, output: output, keep: keep)
        let began = MonotonicTime.now()
        display.start(scenario: document.document.scenario, kernel: kernel.id)
        let result: RunResult
        do {
          result = try runner.run(order) { display.take($0) }
        } catch PreparationError.scenario(let problem) {
          display.clear()
          throw CommandFailure(problem.description, .usage)
        } catch {
          display.clear()
          throw error
        }
        let reported = ReportedRun(
          result, wallNanoseconds: MonotonicTime.now().nanoseconds(since: began))
        runs.append(reported)
        display.finish(reported)
        if result.wasInterrupted {
          display.interrupted(keeping: result.directory.path)
          return .interrupted
        }
      }
    }
    let status = Self.status(of: runs)
    try display.end(runs, status: status)
    return status
  }

  private func resolveKernels(in store: KernelStore) throws -> [Kernel] {
    let progress: (String) -> Void = { Console().error("ktstr: \($0)") }
    if kernel.isEmpty { return [try store.resolve(nil, progress: progress)] }
    var kernels: [Kernel] = []
    for request in kernel {
      let found = try store.resolve(request, progress: progress)
      if !kernels.contains(where: { $0.id == found.id }) { kernels.append(found) }
    }
    return kernels
  }

  private func chooseEngine() throws -> EngineChoice {
    try EngineChoice(engine, kvm: NativeSpeedProbe.run)
  }

  /// The worst of all runs: a failure of the scheduler outweighs one of the harness, so that no
  /// flake of ours hides it.
  package static func status(of runs: [ReportedRun]) -> Harness.ExitCode {
    let found = Set(runs.map(\.verdict.status))
    if found.contains(.fail) { return .checkFailed }
    if found.contains(.error) { return .harnessFailed }
    if found.contains(.inconclusive) { return .inconclusive }
    return found.contains(.pass) ? .success : .nothingRan
  }
}

extension EngineRequest: ExpressibleByArgument {}

/// The forms of a report.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case pretty, json, junit
}

extension ReportedRun {
  init(_ result: RunResult, wallNanoseconds: UInt64) {
    self.init(
      identity: result.identity, directory: result.directory.path, verdict: result.verdict,
      wallNanoseconds: wallNanoseconds,
      repeated: result.repeated.map { ($0.directory, $0.fault) })
  }
}
