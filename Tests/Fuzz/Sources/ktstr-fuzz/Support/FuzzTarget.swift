/// One part of the core, and how a string of bytes drives it.
struct FuzzTarget: Sendable {
  /// As it is named on the command line.
  let name: String
  /// Bytes in an input at most.
  let maximumInput: Int
  /// Inputs to begin with, beside random ones.
  let seeds: @Sendable () -> [[UInt8]]
  /// Runs one input and returns how many operations that were; an error is a finding.
  let run: @Sendable (inout FuzzInput) throws -> Int

  init(
    _ name: String, maximumInput: Int = 1024, seeds: @escaping @Sendable () -> [[UInt8]] = { [] },
    run: @escaping @Sendable (inout FuzzInput) throws -> Int
  ) {
    self.name = name
    self.maximumInput = maximumInput
    self.seeds = seeds
    self.run = run
  }

  static let all: [FuzzTarget] = [
    .queue, .inflight, .block, .memory, .translation, .cursor, .console, .mmio, .vhostUser,
  ]
}
