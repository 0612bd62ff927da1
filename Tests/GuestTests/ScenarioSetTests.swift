import Foundation
import HostOS
import Testing

/// The examples in `Scenarios/`, a third of them, or all where the environment asks for that.
///
/// Every third by name is run, or all with `KTSTR_ALL_SCENARIOS` set, each on one of the kernels. Those
/// of `schedulers/` have tests of their own.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(3)))
struct ScenarioSetTests {
  /// A scenario and the kernel that it is run on.
  struct Example: CustomTestStringConvertible {
    var file: String
    var kernel: String
    var testDescription: String { "\(file) on \(kernel)" }
  }

  private static let kernels = ["6.1", "6.12", "6.18"]

  static let examples: [Example] = {
    let found = FileManager.default.enumerator(atPath: KtstrProcess.root + "/Scenarios")
    let files = (found?.compactMap { $0 as? String } ?? []).filter {
      $0.hasSuffix(".json") && !$0.hasPrefix("schedulers/")
    }
    let wantsAll = ProcessInfo.processInfo.environment["KTSTR_ALL_SCENARIOS"] != nil
    return files.sorted().enumerated().compactMap { index, file in
      guard wantsAll || index % 3 == 0 else { return nil }
      return Example(file: file, kernel: kernels[index / 3 % 3])
    }
  }()

  private let scratch = Scratch()

  @Test(arguments: examples)
  func `a shipped scenario does what it says`(example: Example) throws {
    let invocation = try Invocation.test(
      ["Scenarios/\(example.file)"], options: ["--kernel", example.kernel], in: scratch)
    let run = try invocation.run()
    #expect(run.verdict.status == "pass", "\(Invocation.failures(of: run))")
    #expect(run.identity.kernel.id.hasPrefix(example.kernel + "."))
    #expect(invocation.status == .exited(0))
  }

  @Test func `a third of the examples or more is run`() {
    #expect(Self.examples.count >= 12)
  }
}
