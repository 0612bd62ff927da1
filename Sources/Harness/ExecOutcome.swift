/// How `ktstr exec` came to its end; kept as `outcome.json` while the run directory is.
package enum ExecOutcome: Codable, Equatable, Sendable {
  /// The program called exit with this status.
  case exited(UInt8)
  /// A signal ended the program.
  case signaled(UInt8)
  /// The guest's kernel did not start the program, for this errno.
  case notStarted(errno: Int32)
  /// Time was over.
  case timedOut
  /// The guest or the harness failed; the text, of one line, says how.
  case failed(String)
  /// The engine's CPU broke the guest, as the console's line shows.
  ///
  /// With untouched streams, the same can be done again and nobody sees a difference.
  case engineFault(line: String, streamsAreUntouched: Bool)
  /// The user stopped it.
  case interrupted
}
