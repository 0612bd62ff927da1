package import KVM

/// One line of `exits.jsonl`: why each vCPU came back from the guest so far, and how often.
package struct ExitReading: Codable, Hashable, Sendable {
  /// Host monotonic time of the reading, nanoseconds.
  package var monotonic: UInt64
  /// The vCPUs in the order of their numbers.
  package var vcpus: [ExitCounts]

  /// Makes a reading.
  package init(monotonic: UInt64, vcpus: [ExitCounts]) {
    self.monotonic = monotonic
    self.vcpus = vcpus
  }
}
