/// What a run was, written to `run.json` before the guest starts.
package struct RunIdentity: Codable, Equatable, Sendable {
  /// Version of the run directory's layout and files.
  package static let currentSchema = 3

  /// Version of the layout that this directory has.
  package var schema: Int
  /// Sixteen hex digits; the guest repeats it in its first event.
  package var runID: String
  /// The scenario's name.
  package var scenario: String
  /// Path of the scenario file as given on the command line.
  package var scenarioPath: String
  /// Engine that ran it: `tcg` or `kvm`.
  package var engine: String
  /// Why that engine was taken.
  package var engineReason: String
  /// The kernel that was booted.
  package var kernel: KernelIdentity
  /// Version of ktstr.
  package var ktstrVersion: String
  /// Wall-clock start, RFC 3339 in UTC.
  package var startedAt: String
  /// Seed of all pseudo-random choices of the run.
  package var seed: UInt64
  /// Run id of the attempt that this one repeats after an engine fault.
  package var retryOf: String?
  /// How many attempts came before.
  package var attempt: Int

  /// Makes the identity of a run.
  package init(
    runID: String, scenario: String, scenarioPath: String, engine: String, engineReason: String,
    kernel: KernelIdentity, ktstrVersion: String, startedAt: String, seed: UInt64,
    retryOf: String?, attempt: Int
  ) {
    self.schema = Self.currentSchema
    self.runID = runID
    self.scenario = scenario
    self.scenarioPath = scenarioPath
    self.engine = engine
    self.engineReason = engineReason
    self.kernel = kernel
    self.ktstrVersion = ktstrVersion
    self.startedAt = startedAt
    self.seed = seed
    self.retryOf = retryOf
    self.attempt = attempt
  }
}

/// Which kernel was booted.
package struct KernelIdentity: Codable, Equatable, Sendable {
  /// Id in the kernel store, or the path it was given by.
  package var id: String
  /// `uname -r`, as far as it is known before boot.
  package var release: String
  /// File that the engine was given.
  package var image: String
  /// SHA-256 of the image as it was imported.
  package var sha256: String

  /// Makes the identity of a kernel.
  package init(id: String, release: String, image: String, sha256: String) {
    self.id = id
    self.release = release
    self.image = image
    self.sha256 = sha256
  }
}
