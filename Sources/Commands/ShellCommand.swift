package import ArgumentParser
import Glibc
import Harness
import HostOS
import KVM
import Kernels
import Machine

/// `ktstr shell`: an interactive guest on the user's terminal.
package struct ShellCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "shell",
    abstract: "Boots a guest with a shell on this terminal, for looking around.",
    discussion: """
      Leave with `exit` or Ctrl-D, which powers the guest off, or at once with Ctrl-]. Standard \
      input may be a file or a pipe with commands: the guest powers off after the last, and is \
      stopped when it then says nothing for ten minutes.

      Exit status: 0 the guest powered off, or you left it; 3 it panicked, or the engine or the \
      harness could not do its job; 64 the command line is wrong; 130 interrupted.
      """)

  @Option(
    help: ArgumentHelp(
      "Kernel: an id, a version prefix such as 6.12, or a path.", valueName: "id|version|path"))
  var kernel: String?

  @Option(help: "Engine that runs the guest.")
  var engine: EngineRequest = .auto

  @Option(help: "CPUs of the guest.")
  var cpus = 2

  @Option(help: ArgumentHelp("RAM of the guest in MiB.", valueName: "MiB"))
  var memory = 512

  package init() {}

  package func validate() throws {
    guard (1...QEMUCommand.maximumCPUs).contains(cpus) else {
      throw ValidationError("--cpus: from 1 to \(QEMUCommand.maximumCPUs), found \(cpus)")
    }
    guard (128...(1 << 20)).contains(memory) else {
      throw ValidationError("--memory: from 128 to 1048576 MiB, found \(memory)")
    }
  }

  package func run() throws {
    try reportingFailures {
      // Until the guest's own loop takes them over; nothing is to be undone before.
      for number in [SIGINT, SIGTERM, SIGHUP] {
        _ = signal(number) { _ in _exit(Harness.ExitCode.interrupted.rawValue) }
      }
      let store = try KernelStore.standard()
      let found = try store.resolve(kernel) { Console().error("ktstr: \($0)") }
      let choice = try EngineChoice(engine, kvm: NativeSpeedProbe.run)
      let executable = try OwnExecutable.path()
      let guest = ShellGuest(
        preparation: Preparation(
          initProgram: try GuestInitProgram.locate(executable: executable), store: store))
      var options = ShellGuest.Options()
      options.cpus = cpus
      options.memoryBytes = UInt64(memory) << 20
      (options.columns, options.rows) = Console.size(of: 1)
      Console().error("ktstr: booting \(found.id); leave with exit, or at once with Ctrl-]")
      let terminal = RawTerminal(0)
      let end: ShellEnd
      do {
        defer { terminal.restore() }
        end = try guest.run(
          kernel: found, engine: choice, options: options, input: 0, output: 1,
          started: { terminal.enter() })
      }
      switch end {
      case .guestStopped, .left: break
      case .interrupted: throw CommandFailure([], .interrupted)
      case .failed(let reason): throw CommandFailure(reason, .harnessFailed)
      }
    }
  }
}

/// A terminal whose line editing, echo and signals are the guest's between `enter` and `restore`.
private struct RawTerminal {
  private let descriptor: CInt
  private let saved: termios?

  /// Notes the present mode; a descriptor that is no terminal is left alone.
  init(_ descriptor: CInt) {
    self.descriptor = descriptor
    var state = termios()
    saved = unsafe tcgetattr(descriptor, &state) == 0 ? state : nil
  }

  func enter() {
    guard var state = saved else { return }
    unsafe cfmakeraw(&state)
    unsafe tcsetattr(descriptor, TCSANOW, &state)
  }

  func restore() {
    guard var state = saved else { return }
    // What was meant for the guest must not run in the user's shell.
    tcflush(descriptor, TCIFLUSH)
    unsafe tcsetattr(descriptor, TCSANOW, &state)
  }
}
