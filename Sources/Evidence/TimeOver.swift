/// How the time of a run came to be over.
package struct TimeOver: Codable, Equatable, Sendable {
  /// Which limit was reached.
  package enum Limit: String, Codable, Sendable, CaseIterable {
    /// That of the work: the scenario's duration and a margin.
    case work
    /// That of the workers' stopping and reporting.
    case drain
    /// That of the whole run: the scenario's timeout.
    case total
  }

  /// What the run was waiting for, for messages.
  package var waitingFor: String
  /// Which limit was reached.
  package var limit: Limit
  /// That limit, nanoseconds.
  package var limitNanoseconds: UInt64
  /// How long the whole run had taken, nanoseconds.
  package var elapsedNanoseconds: UInt64
  /// For how long the guest had given no sign of life, neither an event nor a byte of console,
  /// nanoseconds.
  package var silentNanoseconds: UInt64

  /// Makes an account.
  package init(
    waitingFor: String, limit: Limit, limitNanoseconds: UInt64, elapsedNanoseconds: UInt64,
    silentNanoseconds: UInt64
  ) {
    self.waitingFor = waitingFor
    self.limit = limit
    self.limitNanoseconds = limitNanoseconds
    self.elapsedNanoseconds = elapsedNanoseconds
    self.silentNanoseconds = silentNanoseconds
  }
}
