package import ArgumentParser
import Evidence
import Harness
import HostOS
import KVM
import Kernels
import Machine
import SystemPackage

/// `ktstr exec`: runs a program of this host in a guest.
package struct ExecCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "exec",
    abstract: "Runs a program of this host, with all that it needs, in a guest.",
    usage: "ktstr exec [<options>] -- <command> [<argument> ...]",
    discussion: """
      The program's standard streams are those of this command. Shared libraries, loaders and \
      interpreters come along by themselves; everything else is named with --include.

      Exit status: the program's own; 128 and the signal's number when one ended it; 124 when \
      --timeout was over; 126 and 127 when it cannot be run, or is not there; 3 when the guest or \
      the harness failed, told in one line; 64 the command line is wrong; 130 interrupted.
      """)

  @Option(
    help: ArgumentHelp(
      "Kernel: an id, a version prefix such as 6.12, or a path.", valueName: "id|version|path"))
  var kernel: String?

  @Option(help: "Engine that runs the guest.")
  var engine: EngineRequest = .auto

  @Option(help: "CPUs of the guest.")
  var cpus = 2

  @Option(
    help: ArgumentHelp(
      "RAM of the guest, such as 2GiB; by default as much as its files need, and some.",
      valueName: "size"))
  var memory: String?

  @Option(
    help: ArgumentHelp(
      "A file or directory to have in the guest, too, at its own path or another. May be repeated.",
      valueName: "path|host:guest"))
  var include: [String] = []

  @Option(
    help: ArgumentHelp(
      "A module of the kernel to load, with what it needs. May be repeated.", valueName: "name"))
  var module: [String] = []

  @Option(
    help: ArgumentHelp(
      "A feature for the software CPU, such as svm. May be repeated.", valueName: "name"))
  var cpuFeature: [String] = []

  @Option(
    help: ArgumentHelp("Wall time that all of it may take, such as 90s.", valueName: "time"))
  var timeout: String?

  @Option(
    help: ArgumentHelp(
      "A variable of the program's environment. May be repeated.", valueName: "name=value"))
  var env: [String] = []

  @Option(help: ArgumentHelp("Directory of the guest to start in.", valueName: "dir"))
  var workdir = "/"

  @Option(help: ArgumentHelp("Where the run directory is made.", valueName: "dir"))
  var output = "ktstr-results"

  @Flag(help: "Keeps the run directory, with the console's log, after a success, too.")
  var keep = false

  @Argument(
    parsing: .captureForPassthrough, help: ArgumentHelp("The program and its arguments."))
  var command: [String] = []

  package init() {}

  /// What looks like an option and is none of ours would pass for the program otherwise.
  package func validate() throws {
    guard let first = command.first, first.hasPrefix("-"), first != "--" else { return }
    if first == "--help" || first == "-h" { throw CleanExit.helpRequest(Self.self) }
    throw ValidationError("Unknown option '\(first)'; the program comes behind --")
  }

  package func run() throws {
    try reportingFailures {
      let options = try ExecOptions(self)
      let store = try KernelStore.standard()
      let found = try store.resolve(kernel) { Console().error("ktstr: \($0)") }
      let choice = try EngineChoice(engine, kvm: NativeSpeedProbe.run)
      let executable = try OwnExecutable.path()
      let runner = ExecRunner(
        preparation: Preparation(
          initProgram: try GuestInitProgram.locate(executable: executable), store: store),
        supervisor: try Supervisor(program: executable))
      let order = try options.order(kernel: found, engine: choice)
      let result: ExecResult
      do {
        result = try runner.run(order) { Console().error("ktstr: \($0)") }
      } catch let refusal as ExecRefusal {
        switch refusal {
        case .command(_, let status):
          Console().error("ktstr: \(refusal)")
          throw ArgumentParser.ExitCode(status)
        case .option: throw CommandFailure("\(refusal)", .usage)
        case .host: throw CommandFailure("\(refusal)", .harnessFailed)
        }
      }
      try report(result, order)
    }
  }

  private func report(_ result: ExecResult, _ order: ExecOrder) throws {
    let log = result.directory.map { "; console: \($0.path(of: .console))" } ?? ""
    switch result.outcome {
    case .exited(0): return
    case .exited(let status): throw ArgumentParser.ExitCode(CInt(status))
    case .signaled(let number): throw ArgumentParser.ExitCode(128 + CInt(number))
    case .notStarted(let errno):
      let reason = Errno(rawValue: errno)
      Console().error("ktstr: the guest could not run \(order.command[0]): \(reason)")
      throw ArgumentParser.ExitCode(reason == .noSuchFileOrDirectory ? 127 : 126)
    case .timedOut:
      Console().error(
        "ktstr: \(order.command[0]) did not end within \(timeout ?? "its time")\(log)")
      throw ArgumentParser.ExitCode(124)
    case .failed(let text): throw CommandFailure(text + log, .harnessFailed)
    case .engineFault(let line, _):
      throw CommandFailure(
        "the engine's software CPU is at fault, not the guest: \(line); try again" + log,
        .harnessFailed)
    case .interrupted: throw CommandFailure([], .interrupted)
    }
  }
}
