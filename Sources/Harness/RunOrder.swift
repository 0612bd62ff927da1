package import Kernels
package import Machine
package import Scenario

/// One run that shall happen: a scenario on a kernel with an engine.
package struct RunOrder: Sendable {
  /// The scenario, read and found good.
  package var document: ScenarioDocument
  /// Its file's bytes.
  package var scenarioBytes: [UInt8]
  /// The kernel.
  package var kernel: Kernel
  /// The engine.
  package var engine: EngineChoice
  /// Where run directories are made.
  package var output: String
  /// Whether the scratch disk's content and the initramfs are kept in the run directory.
  package var keep: Bool

  /// Makes an order.
  package init(
    document: ScenarioDocument, scenarioBytes: [UInt8], kernel: Kernel, engine: EngineChoice,
    output: String, keep: Bool
  ) {
    self.document = document
    self.scenarioBytes = scenarioBytes
    self.kernel = kernel
    self.engine = engine
    self.output = output
    self.keep = keep
  }
}

/// Which attempt at an order this is.
package struct Attempt: Sendable, Equatable {
  /// How many came before.
  package var number: Int
  /// The run id of the one before.
  package var previous: String?
  /// How the software CPU spreads its vCPUs.
  package var threading: Threading

  /// The first attempt.
  package static let first = Attempt(number: 0, previous: nil, threading: .multi)

  /// The attempt after an engine fault: on one host thread, where the known faults do not occur.
  package func retry(after runID: String) -> Attempt {
    Attempt(number: number + 1, previous: runID, threading: .single)
  }
}
