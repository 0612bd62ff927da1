import HostOS
import Sandbox
import SystemPackage

/// Filters and calls that meet often enough to try every path of a program.
struct RandomFilters {
  /// Numbers that no kernel has given to a call: with the filter out of the way they are ENOSYS.
  static let numbers: Range<UInt32> = 2000..<2060
  /// Few values, so that an argument equals one of a rule's now and then; halves that differ alone.
  static let words: [UInt64] = [0, 1, 2, 4, 7, 0x20, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

  var random: SplitMix64

  mutating func value() -> UInt64 {
    let (high, low) = (pick(Self.words), pick(Self.words))
    return Bool.random(using: &random) ? low : high << 32 | low
  }

  mutating func pick<Value>(_ values: [Value]) -> Value {
    values[Int.random(in: values.indices, using: &random)]
  }

  mutating func condition() -> SeccompCondition {
    let argument = pick(SeccompCondition.Argument.allCases)
    let mask = pick([0xffff_ffff, .max, 0xff, 0xffff_ffff << 32, 4, 1 << 40, value()] as [UInt64])
    var values: [UInt64] = []
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      // Now and then with bits outside of the mask, which are never found.
      values.append(Int.random(in: 0..<8, using: &random) == 0 ? value() : value() & mask)
    }
    return .argument(argument, bits: mask, in: values)
  }

  mutating func rule(_ number: UInt32, action: SeccompAction) -> SeccompRule {
    let call = SystemCallNumber(rawValue: number)
    return switch Int.random(in: 0..<4, using: &random) {
    case 0: SeccompRule(call, do: action, reason: "random")
    case 1: SeccompRule(call, condition(), do: action, reason: "random")
    case 2: SeccompRule(call, condition(), condition(), do: action, reason: "random")
    default: SeccompRule(call, condition(), condition(), condition(), do: action, reason: "random")
    }
  }

  /// Rules that fail with errnos of their own; what is not listed gets `otherwise`.
  mutating func filter(rules count: Int, otherwise: SeccompAction) -> SeccompFilter {
    let rules = (0..<count).map { index in
      rule(
        UInt32.random(in: Self.numbers, using: &random),
        action: .fail(Errno(rawValue: 1000 + CInt(index))))
    }
    return SeccompFilter(rules, otherwise: otherwise)
  }

  mutating func call() -> ObservedCall {
    ObservedCall(
      UInt32.random(in: Self.numbers, using: &random), (0..<6).map { _ in value() })
  }

  /// A call that meets the conditions of one of the rules, more or less.
  mutating func call(near filter: SeccompFilter) -> ObservedCall {
    var call = call()
    guard let rule = filter.rules.randomElement(using: &random) else { return call }
    call.number = rule.call.rawValue
    for condition in rule.conditions {
      guard let value = condition.values.randomElement(using: &random) else { continue }
      let place = condition.argument.rawValue
      call.arguments[place] = call.arguments[place] & ~condition.mask | value
    }
    return call
  }
}
