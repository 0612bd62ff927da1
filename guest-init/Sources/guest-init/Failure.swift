internal import Wire

/// Something that the guest could not do, and why.
struct Failure: Error {
  /// The errno behind it, or 0.
  var errno: Int32
  /// What was done, to what.
  var text: String

  /// Makes a failure out of the negative errno of a shim.
  init(_ text: String, result: Int) {
    self.text = text
    self.errno = Int32(truncatingIfNeeded: -result)
  }

  /// Makes a failure that no errno explains.
  init(_ text: String) {
    self.text = text
    self.errno = 0
  }

  /// The failure as an event.
  func problem(isFatal: Bool) -> Event {
    .problem(Problem(isFatal: isFatal, errno: errno, text: text))
  }

  /// The failure as a line.
  var line: String { errno == 0 ? text : text + ": errno \(errno)" }
}
