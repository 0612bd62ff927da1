import ArgumentParser
import Machine

/// Flags that only our own engine looks at.
package struct NativeEngineFlags: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: "Engine kvm: gives up rights that a run does not need; the result says when it did not.")
  var sandbox = true

  @Flag(help: "Engine kvm: pins each vCPU to a CPU of its own, with real-time priority.")
  var perf = false

  @Flag(help: "Engine kvm: guest memory in huge pages, where the host has them.")
  var hugePages = false

  package init() {}

  /// The choice with these flags; an engine without them is refused.
  func applied(to choice: EngineChoice) throws -> EngineChoice {
    let asked = perf ? "--perf" : hugePages ? "--huge-pages" : nil
    if choice.engine != .kvm, let asked {
      throw ValidationError(
        "\(asked) needs engine kvm, and engine \(choice.engine.rawValue) was taken: \(choice.reason)"
      )
    }
    var choice = choice
    choice.native = NativeOptions(
      isSandboxed: sandbox, isPerformance: perf, hasHugePages: hugePages)
    return choice
  }
}
