package import SystemPackage

/// What the kernel does with a system call (seccomp(2), "SECCOMP_RET_...").
package enum SeccompAction: Hashable, Sendable {
  /// It is carried out.
  case allow
  /// It fails with this errno, and nobody hears of it.
  case fail(Errno)
  /// The thread gets SIGSYS, whose handler says what was refused and ends the process.
  case trap
  /// The whole process is killed at once, by SIGSYS.
  case killProcess
}

/// A system call that a thread may make, with which arguments, and why.
package struct SeccompRule: Hashable, Sendable {
  /// The call.
  package let call: SystemCallNumber
  /// All of them must hold; none means "with any arguments".
  package let conditions: [SeccompCondition]
  /// What is done with it.
  package let action: SeccompAction
  /// What needs it.
  package let reason: String

  /// Makes a rule.
  ///
  /// - Parameter reason: who makes the call, and for what.
  package init(
    _ call: SystemCallNumber, _ conditions: SeccompCondition..., do action: SeccompAction = .allow,
    reason: String
  ) {
    self.init(call, conditions, do: action, reason: reason)
  }

  /// Makes a rule of a list of conditions.
  package init(
    _ call: SystemCallNumber, _ conditions: [SeccompCondition], do action: SeccompAction,
    reason: String
  ) {
    self.call = call
    self.conditions = conditions
    self.action = action
    self.reason = reason
  }
}

/// What must be true of one argument: its masked bits are one of some values.
///
/// Arguments are compared as the kernel has them in registers. One that it takes as an `int` has
/// anything in its upper half, which is why only the lower half counts unless a mask says otherwise.
package struct SeccompCondition: Hashable, Sendable {
  /// An argument's place.
  package enum Argument: Int, Sendable, CaseIterable {
    case first, second, third, fourth, fifth, sixth
  }

  /// Which argument.
  package let argument: Argument
  /// The bits of it that count.
  package let mask: UInt64
  /// What they may be; a value with a bit outside of the mask is never found.
  package let values: [UInt64]

  /// The argument's lower half is one of some values.
  package static func argument(_ argument: Argument, in values: [UInt64]) -> SeccompCondition {
    SeccompCondition(argument: argument, mask: 0xffff_ffff, values: values)
  }

  /// The bits of an argument that a mask names have a certain value.
  package static func argument(
    _ argument: Argument, bits mask: UInt64, are value: UInt64
  ) -> SeccompCondition {
    SeccompCondition(argument: argument, mask: mask, values: [value])
  }

  /// The bits of an argument that a mask names have one of some values.
  package static func argument(
    _ argument: Argument, bits mask: UInt64, in values: [UInt64]
  ) -> SeccompCondition {
    SeccompCondition(argument: argument, mask: mask, values: values)
  }
}
