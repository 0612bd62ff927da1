/// Exit statuses of `ktstr`, the same for every command.
package enum ExitCode: CInt, Sendable {
  /// Every run passed, or the command did its job.
  case success = 0
  /// A check failed.
  case checkFailed = 1
  /// No check failed, but some could not be evaluated.
  case inconclusive = 2
  /// The harness could not do its job.
  case harnessFailed = 3
  /// Nothing ran: all was skipped.
  case nothingRan = 4
  /// The command line or a scenario is wrong (`EX_USAGE`).
  case usage = 64
  /// Ctrl-C.
  case interrupted = 130
}
