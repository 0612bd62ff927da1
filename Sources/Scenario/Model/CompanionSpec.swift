/// A sched_ext scheduler that the guest runs the work under, throughout or in some of the phases.
package struct SchedulerSpec: Equatable, Sendable {
  /// How long attaching may take.
  package static let attachNanoseconds: UInt64 = 10_000_000_000
  /// How long a scheduler may take to go when it is told to.
  package static let stopNanoseconds: UInt64 = 5_000_000_000

  /// A tunable of an object: a variable in `.rodata`, or `ops.MEMBER`.
  package struct Setting: Equatable, Sendable {
    /// The variable.
    package var name: String
    /// Its value as the loader reads it.
    package var value: String

    /// Makes a setting.
    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Where the scheduler comes from.
  package enum Source: Equatable, Sendable {
    /// A BPF object, registered by ktstr's own loader; a relative path starts at the scenario file.
    case object(path: String, settings: [Setting])
    /// A program that registers a scheduler by itself.
    case program(ProgramSpec)
  }

  /// Unique; names it in phases and reports.
  package var name: String
  /// Where the scheduler comes from.
  package var source: Source

  /// Makes a scheduler, called like its file where it has no name of its own.
  package init(name: String? = nil, source: Source) {
    self.name = name ?? source.fileName
    self.source = source
  }
}

extension SchedulerSpec.Source {
  /// The file's name without what says that it is an object.
  fileprivate var fileName: String {
    switch self {
    case .object(let path, _):
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return file.hasSuffix(".bpf.o") ? String(file.dropLast(6)) : file
    case .program(let program):
      return program.path.split(separator: "/").last.map(String.init) ?? program.path
    }
  }
}

/// A program of the host that runs in the guest.
package struct ProgramSpec: Equatable, Sendable {
  /// A file that comes along besides what the program needs.
  package struct Include: Equatable, Sendable {
    /// Here; a relative path starts at the scenario file.
    package var host: String
    /// There, absolute; nil for the same path.
    package var guest: String?

    /// Makes an include.
    package init(host: String, guest: String?) {
      self.host = host
      self.guest = guest
    }
  }

  /// A name to look for in `PATH`, or a path; a relative one starts at the scenario file.
  package var path: String
  /// Behind the program's name.
  package var arguments: [String]
  /// What else is in the guest.
  package var files: [Include]

  /// Makes a program.
  package init(path: String, arguments: [String] = [], files: [Include] = []) {
    self.path = path
    self.arguments = arguments
    self.files = files
  }
}

/// A program that runs beside the work.
package struct PayloadSpec: Equatable, Sendable {
  /// A number in what the program wrote.
  package struct Metric: Equatable, Sendable {
    /// Where a metric's JSON document is.
    package enum Source: Equatable, Sendable {
      /// What the program wrote to its standard output.
      case standardOutput
      /// A file of the guest.
      case file(String)
    }

    /// Names it in `expect`.
    package var name: String
    /// An RFC 6901 pointer into the document.
    package var pointer: JSONPointer
    /// The document.
    package var source: Source

    /// Makes a metric.
    package init(name: String, pointer: JSONPointer, source: Source) {
      self.name = name
      self.pointer = pointer
      self.source = source
    }
  }

  /// Names it and its output.
  package var name: String
  /// The program.
  package var program: ProgramSpec
  /// How long it may run; nil for as long as the work.
  package var limitNanoseconds: UInt64?
  /// Its cgroup.
  package var cgroup: String?
  /// Whether it does not start with the work, but by an action.
  package var startsLater = false
  /// What is read of what it writes.
  package var metrics: [Metric]

  /// Makes a payload.
  package init(
    name: String, program: ProgramSpec, limitNanoseconds: UInt64? = nil, cgroup: String? = nil,
    metrics: [Metric] = []
  ) {
    self.name = name
    self.program = program
    self.limitNanoseconds = limitNanoseconds
    self.cgroup = cgroup
    self.metrics = metrics
  }

  /// Files of the guest that metrics are read from, each once, in the order of the metrics.
  package var files: [String] {
    var seen: Set<String> = []
    return metrics.compactMap { metric in
      guard case .file(let path) = metric.source, seen.insert(path).inserted else { return nil }
      return path
    }
  }
}

/// What a payload must show to pass.
package struct PayloadExpectation: Equatable, Sendable {
  /// The payload.
  package var payload: String
  /// The exit status that it must end with by itself.
  package var status: UInt8?
  /// The metric that is judged.
  package var metric: String?
  /// The least that the metric may be.
  package var minimum: Double?
  /// The most that it may be.
  package var maximum: Double?

  /// Makes an expectation.
  package init(
    payload: String, status: UInt8? = nil, metric: String? = nil, minimum: Double? = nil,
    maximum: Double? = nil
  ) {
    self.payload = payload
    self.status = status
    self.metric = metric
    self.minimum = minimum
    self.maximum = maximum
  }
}
