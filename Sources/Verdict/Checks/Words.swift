import Evidence
import Scenario
import Wire

extension Ledger {
  /// How far the run had come, for the middle of a sentence.
  var progressText: String {
    guard stages[.workStarted] != nil else { return "before the work started (\(lastStageText))" }
    if stages[.drained] != nil { return "after all workers had ended" }
    if stages[.workEnded] != nil { return "while the workers were stopping" }
    let planned = Quantity(scenario.durationNanoseconds, .nanoseconds).text
    guard let elapsed = sinceStart(lastMonotonic), elapsed > 0 else {
      return "at the start of the work of \(planned)"
    }
    return "\(Quantity(elapsed, .nanoseconds).text) into the work of \(planned)"
  }

  /// The last stage in words.
  var lastStageText: String {
    switch lastStage {
    case nil: hello == nil ? "the guest never reported" : "init had just begun"
    case .mounted: "file systems were mounted"
    case .modulesLoaded: "modules were loaded"
    case .planAccepted: "the plan was accepted"
    case .cgroupsReady: "cgroups were ready"
    case .workStarted: "the work had started"
    case .workEnded: "the work had ended"
    case .drained: "all workers had ended"
    }
  }

  func describe(_ problem: Problem) -> String {
    problem.errno == 0 ? problem.text : "\(problem.text): \(errnoText(problem.errno))"
  }
}

/// The first line of a text that says something, cut when it is long.
func firstLine(_ text: String) -> String {
  let line = text.split(whereSeparator: \.isNewline).first { !$0.allSatisfy(\.isWhitespace) }
  guard let line else { return "(no text)" }
  return line.count > 200 ? String(line.prefix(200)) + "..." : String(line)
}

/// An errno of Linux with its name where it is a usual one.
func errnoText(_ errno: Int32) -> String {
  let name: String? =
    switch errno {
    case 1: "EPERM"
    case 2: "ENOENT"
    case 4: "EINTR"
    case 5: "EIO"
    case 6: "ENXIO"
    case 8: "ENOEXEC"
    case 11: "EAGAIN"
    case 12: "ENOMEM"
    case 13: "EACCES"
    case 14: "EFAULT"
    case 16: "EBUSY"
    case 17: "EEXIST"
    case 19: "ENODEV"
    case 22: "EINVAL"
    case 24: "EMFILE"
    case 28: "ENOSPC"
    case 32: "EPIPE"
    case 38: "ENOSYS"
    case 95: "EOPNOTSUPP"
    case 110: "ETIMEDOUT"
    default: nil
    }
  return name.map { "\($0) (errno \(errno))" } ?? "errno \(errno)"
}

/// A signal of Linux with its name where it is a usual one.
func signalText(_ signal: Int32) -> String {
  let name: String? =
    switch signal {
    case 4: "SIGILL"
    case 5: "SIGTRAP"
    case 6: "SIGABRT"
    case 7: "SIGBUS"
    case 8: "SIGFPE"
    case 9: "SIGKILL"
    case 11: "SIGSEGV"
    case 13: "SIGPIPE"
    case 15: "SIGTERM"
    case 24: "SIGXCPU"
    case 31: "SIGSYS"
    default: nil
    }
  return name.map { "\($0) (signal \(signal))" } ?? "signal \(signal)"
}
