package import Machine

/// All that the process of an exec needs; kept as `machine.json`.
package struct ExecRequest: Codable, Equatable, Sendable {
  /// The number that the initramfs has in that process.
  static let initramfsDescriptor: CInt = 4

  /// The machine to start.
  package var machine: MachineRequest
  /// How long the guest may take to greet, in nanoseconds.
  package var bootNanoseconds: UInt64
  /// How long all may take, in nanoseconds; nil for as long as it takes.
  package var totalNanoseconds: UInt64?

  /// Makes a request.
  package init(machine: MachineRequest, bootNanoseconds: UInt64, totalNanoseconds: UInt64?) {
    self.machine = machine
    self.bootNanoseconds = bootNanoseconds
    self.totalNanoseconds = totalNanoseconds
  }
}
