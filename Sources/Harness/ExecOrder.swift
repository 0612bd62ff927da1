package import Kernels
package import Machine

/// What `ktstr exec` was asked to do.
package struct ExecOrder: Sendable {
  /// A path of the host and its place in the guest.
  package struct Include: Sendable, Hashable {
    /// Absolute, on the host.
    package var host: String
    /// Absolute, in the guest.
    package var guest: String

    /// Makes an include.
    package init(host: String, guest: String) {
      self.host = host
      self.guest = guest
    }
  }

  /// Where programs are looked for in a guest.
  package static let searchPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// The program's name or path, and its arguments.
  package var command: [String]
  /// The kernel.
  package var kernel: Kernel
  /// The engine.
  package var engine: EngineChoice
  /// CPUs.
  package var cpus: Int
  /// RAM in bytes; nil for as much as is needed.
  package var memoryBytes: UInt64?
  /// What else is in the guest.
  package var includes: [Include]
  /// Kernel modules.
  package var modules: [String]
  /// CPU features.
  package var cpuFeatures: [String]
  /// `NAME=VALUE` texts, later ones winning.
  package var environment: [String]
  /// Where the program starts in the guest.
  package var directory: String
  /// How long all may take; nil for as long as it takes.
  package var timeoutNanoseconds: UInt64?
  /// The host's directory that relative paths start from.
  package var workingDirectory: String
  /// Where the run directory is made.
  package var output: String
  /// Whether the run directory stays after a success, too.
  package var keep: Bool

  /// Makes an order.
  package init(
    command: [String], kernel: Kernel, engine: EngineChoice, cpus: Int, memoryBytes: UInt64?,
    includes: [Include], modules: [String], cpuFeatures: [String], environment: [String],
    directory: String, timeoutNanoseconds: UInt64?, workingDirectory: String, output: String,
    keep: Bool
  ) {
    self.command = command
    self.kernel = kernel
    self.engine = engine
    self.cpus = cpus
    self.memoryBytes = memoryBytes
    self.includes = includes
    self.modules = modules
    self.cpuFeatures = cpuFeatures
    self.environment = environment
    self.directory = directory
    self.timeoutNanoseconds = timeoutNanoseconds
    self.workingDirectory = workingDirectory
    self.output = output
    self.keep = keep
  }

  /// The environment of the program: what every guest has, and what was asked for.
  var fullEnvironment: [String] {
    var list = ["PATH=\(Self.searchPath)", "HOME=/root", "TERM=dumb"]
    for text in environment {
      let name = text.prefix { $0 != "=" }
      list.removeAll { $0.prefix { $0 != "=" } == name }
      list.append(text)
    }
    return list
  }

  /// The value of a variable in the program's environment.
  func variable(_ name: String) -> String? {
    fullEnvironment.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }
}
