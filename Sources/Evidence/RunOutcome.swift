/// How a run came to its end, as the process that ran it saw it.
package enum RunOutcome: Codable, Equatable, Sendable {
  /// The guest said its last word and powered off.
  case finished
  /// The guest kernel panicked; the text begins at the first line of the report.
  case guestPanic(text: String)
  /// Init gave up; the text is what it said.
  case guestFailed(text: String)
  /// The guest powered off or reset without a last word; the text is the console's end.
  case guestStopped(text: String)
  /// The engine's own fault, known to be none of the guest's.
  case engineFault(text: String)
  /// The engine could not be started or broke down.
  case engineFailed(text: String)
  /// Our own device serving failed.
  case deviceFailed(text: String)
  /// The process that ran it could not do its job, or died.
  case harnessFailed(text: String)
  /// Time was over.
  case timedOut(TimeOver)
  /// The guest wrote more than is kept of this file.
  case tooMuchEvidence(of: RunFile, limitBytes: UInt64)
  /// The user or the supervisor stopped it.
  case interrupted
}
