/// How an interactive guest came to its end.
package enum ShellEnd: Equatable, Sendable {
  /// The guest powered off or reset, as a user in it may make it do.
  case guestStopped
  /// The user left with the escape key.
  case left
  /// A signal asked for the end.
  case interrupted
  /// It went wrong; the text, of one line, says how.
  case failed(String)
}
