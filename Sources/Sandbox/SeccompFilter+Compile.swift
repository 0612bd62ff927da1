import CLinux
import SystemPackage

extension SeccompFilter {
  /// Makes the program that the kernel runs at each system call of a thread.
  ///
  /// A binary search by number leads to each call's conditions. Calls without conditions cost nothing
  /// from Linux 5.11 on, which keeps a bitmap of those that a filter allows whatever their arguments.
  ///
  /// - Throws: ``SandboxError/filterTooLong(instructions:)``.
  package func compile() throws(SandboxError) -> SeccompProgram {
    var compiler = SeccompCompiler(self)
    return try SeccompProgram(compiler.run())
  }
}

/// The state of one compilation.
private struct SeccompCompiler {
  private typealias Label = BackwardAssembler.Label

  private let filter: SeccompFilter
  private var assembler = BackwardAssembler()
  /// Ends of the program, one for each verdict.
  private var ends: [UInt32: Label] = [:]

  init(_ filter: SeccompFilter) {
    self.filter = filter
  }

  /// `struct seccomp_data` (linux/seccomp.h): number, architecture, instruction pointer, arguments.
  private enum Offset {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4
    static func low(_ argument: SeccompCondition.Argument) -> UInt32 {
      16 + 8 * UInt32(argument.rawValue)
    }
    static func high(_ argument: SeccompCondition.Argument) -> UInt32 { low(argument) + 4 }
  }

  /// Calls by the table of x32 have this bit in their number (asm/unistd.h: `__X32_SYSCALL_BIT`).
  private static let x32Bit: UInt32 = 0x4000_0000
  /// linux/audit.h: `AUDIT_ARCH_X86_64`, 64-bit and little-endian of EM_X86_64.
  private static let architecture: UInt32 = 0xc000_003e

  mutating func run() -> [SeccompInstruction] {
    let refused = end(filter.refusal, data: 0)
    var targets: [(call: SystemCallNumber, label: Label)] = []
    let grouped = Dictionary(grouping: filter.rules, by: \.call)
    for (call, rules) in grouped.sorted(by: { $0.key < $1.key }) {
      targets.append((call, verdict(on: rules)))
    }
    let found = search(targets[...], otherwise: refused)
    let foreign = end(.trap, data: 0)
    assembler.jump(if: .atLeast, Self.x32Bit, to: foreign, else: found)
    assembler.load(at: Offset.number)
    assembler.jump(if: .equal, Self.architecture, to: assembler.here, else: foreign)
    assembler.load(at: Offset.architecture)
    return assembler.instructions
  }

  /// Looks the accumulator up among numbers in rising order.
  private mutating func search(
    _ targets: ArraySlice<(call: SystemCallNumber, label: Label)>, otherwise refused: Label
  ) -> Label {
    if targets.count <= 3 {
      var next = refused
      for target in targets.reversed() {
        assembler.jump(if: .equal, target.call.rawValue, to: target.label, else: next)
        next = assembler.here
      }
      return next
    }
    let middle = targets.startIndex + targets.count / 2
    let upper = search(targets[middle...], otherwise: refused)
    let lower = search(targets[..<middle], otherwise: refused)
    assembler.jump(if: .atLeast, targets[middle].call.rawValue, to: upper, else: lower)
    return assembler.here
  }

  /// What leads from a call to its verdict: the first rule whose conditions hold.
  private mutating func verdict(on rules: [SeccompRule]) -> Label {
    var next: Label?
    for rule in rules.reversed() {
      var label = end(rule.action, data: 0)
      if !rule.conditions.isEmpty {
        // A refusal from here is one of arguments, and its line says so.
        let otherwise = next ?? end(filter.refusal, data: 1)
        for condition in rule.conditions.reversed() {
          label = test(condition, yes: label, no: otherwise)
        }
      }
      next = label
    }
    return next ?? end(filter.refusal, data: 0)
  }

  private mutating func test(_ condition: SeccompCondition, yes: Label, no: Label) -> Label {
    let mask = condition.mask
    let values = condition.values.filter { $0 & ~mask == 0 }
    guard !values.isEmpty else { return no }
    let (high, low) = (UInt32(truncatingIfNeeded: mask >> 32), UInt32(truncatingIfNeeded: mask))
    if high == 0 {
      return test(
        values.map { UInt32(truncatingIfNeeded: $0) }, at: Offset.low(condition.argument),
        mask: low, yes: yes, no: no)
    }
    var next = no
    for value in values.reversed() {
      // An argument is compared in halves: the accumulator has 32 bits.
      let rest = test(
        [UInt32(truncatingIfNeeded: value)], at: Offset.low(condition.argument), mask: low,
        yes: yes, no: next)
      next = test(
        [UInt32(truncatingIfNeeded: value >> 32)], at: Offset.high(condition.argument), mask: high,
        yes: rest, no: next)
    }
    return next
  }

  /// Tests whether the masked word at an offset is one of some values.
  private mutating func test(
    _ values: [UInt32], at offset: UInt32, mask: UInt32, yes: Label, no: Label
  ) -> Label {
    var next = no
    for value in values.reversed() {
      assembler.jump(if: .equal, value, to: yes, else: next)
      next = assembler.here
    }
    assembler.keep(bits: mask)
    assembler.load(at: offset)
    return assembler.here
  }

  /// The one place where the program ends with this action.
  private mutating func end(_ action: SeccompAction, data: UInt32) -> Label {
    let verdict = action.verdict(data: data)
    if let label = ends[verdict] { return label }
    let label = assembler.end(with: verdict)
    ends[verdict] = label
    return label
  }
}

extension SeccompAction {
  /// What a program returns for it (linux/seccomp.h: `SECCOMP_RET_...`).
  ///
  /// - Parameter data: what a trap's handler finds in `si_errno`.
  package func verdict(data: UInt32 = 0) -> UInt32 {
    switch self {
    case .allow: 0x7fff_0000
    case .fail(let errno): 0x0005_0000 | UInt32(truncatingIfNeeded: errno.rawValue) & 0xffff
    case .trap: 0x0003_0000 | data & 0xffff
    case .killProcess: 0x8000_0000
    }
  }
}
