/// What a thread of a running machine is for, and so what it may ask of the kernel.
package enum ThreadRole: String, Codable, CaseIterable, Sendable {
  /// Follows the run: streams, clocks, evidence, and the end.
  case main
  /// Runs guest code.
  case virtualCPU = "vcpu"
  /// Serves the queues of a device.
  case device

  /// The calls of this role, all others being refused by name.
  ///
  /// - Parameter processID: of this process: the only one whose threads may be signalled.
  package func filter(processID: Int32) -> SeccompFilter {
    let own: [SeccompRule] =
      switch self {
      case .main: Self.mainRules
      case .virtualCPU: Self.virtualCPURules + Self.heapRules
      case .device: Self.deviceRules + Self.heapRules
      }
    return SeccompFilter(own + Self.everyRules(processID: processID))
  }
}

/// Bits and numbers of arguments that rules compare.
enum ArgumentValue {
  // `PROT_EXEC`
  static let protectExecute: UInt64 = 4
  // `MAP_ANONYMOUS`
  static let mapAnonymous: UInt64 = 0x20
  // `AT_FDCWD`, an int
  static let currentDirectory: UInt64 = 0xffff_ff9c
  // `O_RDONLY | O_CLOEXEC`
  static let openToRead: UInt64 = 0x8_0000
  // `TCGETS`
  static let terminalState: UInt64 = 0x5401
  // `FUTEX_CMD_MASK`: all bits but `FUTEX_PRIVATE_FLAG` and `FUTEX_CLOCK_REALTIME`
  static let futexCommand: UInt64 = 0xffff_fe7f
}

extension SeccompCondition {
  /// The protection of a mapping, third argument of all calls that have one, without execution.
  static let withoutExecution = SeccompCondition.argument(
    .third, bits: ArgumentValue.protectExecute, are: 0)
}
