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

  @OptionGroup var native: NativeEngineFlags

  package init() {}

  package func validate() throws {
    guard !output.isEmpty else { throw ValidationError("--output: expected a directory") }
  }

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
    let orders = documents.flatMap { document in
      kernels.map { kernel in
        RunOrder(
          document: document.document, scenarioBytes: document.bytes, kernel: kernel,
          engine: choice, output: output, keep: keep)
      }
    }
    for order in orders { try Self.check(order, with: runner) }
    return try carryOut(orders, with: runner)
  }

  private func carryOut(
    _ orders: [RunOrder], with runner: Runner
  ) throws -> Harness.ExitCode {
    var display = RunDisplay(format: format, isVerbose: verbose)
    if let choice = orders.first?.engine { display.begin(engine: choice) }
    var runs: [ReportedRun] = []
    for order in orders {
      guard !runner.wasInterrupted else {
        display.interrupted(keeping: nil)
        try display.end(runs, status: .interrupted)
        return .interrupted
      }
      display.start(scenario: order.document.scenario, kernel: order.kernel.id)
      let last = Self.run(order, with: runner, display: &display)
      runs.append(last)
      if runner.wasInterrupted {
        display.interrupted(keeping: last.directory)
        try display.end(runs, status: .interrupted)
        return .interrupted
      }
      display.finish(last)
    }
    let status = Self.status(of: runs)
    try display.end(runs, status: status)
    return status
  }

  /// Tells what cannot run before anything has run.
  private static func check(_ order: RunOrder, with runner: Runner) throws {
    do {
      try runner.check(order)
    } catch {
      guard case .scenario(let problem) = error else { throw error }
      throw CommandFailure(problem.description, .usage)
    }
  }

  /// One run; what keeps it from beginning takes no other's result away.
  private static func run(
    _ order: RunOrder, with runner: Runner, display: inout RunDisplay
  ) -> ReportedRun {
    let began = MonotonicTime.now()
    do {
      let result = try runner.run(order) { display.take($0) }
      return ReportedRun(
        result, wallNanoseconds: MonotonicTime.now().nanoseconds(since: began))
    } catch {
      return ReportedRun(unstarted: order, error: error)
    }
  }

  private func resolveKernels(in store: KernelStore) throws -> [Kernel] {
    let progress: (String) -> Void = { Console().error("ktstr: \($0)") }
    if kernel.isEmpty { return [try store.resolve(nil, progress: progress)] }
    var kernels: [Kernel] = []
    for request in kernel {
      let found = try store.resolve(request, progress: progress)
      // One image may be there twice, with other modules each time.
      if !kernels.contains(found) { kernels.append(found) }
    }
    return kernels
  }

  private func chooseEngine() throws -> EngineChoice {
    try native.applied(to: EngineChoice(engine, kvm: NativeSpeedProbe.run))
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
  /// A run that could not even begin.
  init(unstarted order: RunOrder, error: PreparationError) {
    self.init(
      identity: RunIdentity(
        runID: "", scenario: order.document.scenario.name, scenarioPath: order.document.file,
        engine: order.engine.engine.rawValue, engineReason: order.engine.account,
        kernel: KernelIdentity(
          id: order.kernel.id, release: order.kernel.release, image: order.kernel.elf.string,
          sha256: order.kernel.metadata.sha256),
        ktstrVersion: Version.text, startedAt: "", seed: 0, retryOf: nil, attempt: 0),
      directory: "", verdict: .error(error.description), wallNanoseconds: 0, repeated: nil)
  }

  init(_ result: RunResult, wallNanoseconds: UInt64) {
    self.init(
      identity: result.identity, directory: result.directory.path, verdict: result.verdict,
      wallNanoseconds: wallNanoseconds,
      repeated: result.repeated.map { ($0.directory, $0.fault) })
  }
}
