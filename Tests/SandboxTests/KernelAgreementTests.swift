import Glibc
import HostOS
import Sandbox
import Synchronization
import SystemPackage
import Testing

/// The kernel against the interpreter: both must say the same of every call.
@Suite struct KernelAgreementTests {
  /// What a call returns by a verdict, where nothing else knows the call.
  private static func expected(_ verdict: UInt32) -> Int {
    switch verdict & 0xffff_0000 {
    case 0x0005_0000: -Int(verdict & 0xffff)
    default: -Int(ENOSYS)
    }
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `random filters are executed as interpreted`(seed: UInt64) throws {
    let raw = try #require(RawSystemCall())
    var random = RandomFilters(random: SplitMix64(seed: seed))
    // What no rule is about goes on as ever: this thread has to end.
    let filter = random.filter(
      rules: Int.random(in: 1...80, using: &random.random), otherwise: .allow)
    let program = try filter.compile()
    let calls = (0..<2000).map { _ in
      Bool.random(using: &random.random) ? random.call() : random.call(near: filter)
    }
    let results = try onThread {
      try giveUpPrivileges()
      try program.bindCallingThread(as: "test")
      return calls.map { raw.make($0) }
    }
    var refused = 0
    for (call, result) in zip(calls, results) {
      try #require(try result == Self.expected(program.verdict(on: call)), "seed \(seed): \(call)")
      if result != -Int(ENOSYS) { refused += 1 }
    }
    #expect(refused > 0, "seed \(seed): no rule was met")
  }

  /// In a process of its own: a thread whose every call fails can neither allocate nor end.
  @Test(arguments: ThreadRole.allCases)
  func `the kernel decides about every call as the role's rules say`(role: ThreadRole) async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [role = role as ThreadRole] in
      TestProcess.run { try RoleTrial(role).run() }
    }
    #expect(result?.failure == nil)
  }
}

/// A role's filter with every verdict turned into an errno, so that no call is carried out.
private struct RoleTrial: @unchecked Sendable {
  private static let allowed = Errno(rawValue: 2001)
  private static let refused = Errno(rawValue: 2002)

  private let raw: RawSystemCall
  private let filter: SeccompFilter
  private let calls: [ObservedCall]
  private let results: UnsafeMutablePointer<Int>

  struct NoSystemCalls: Error {}

  init(_ role: ThreadRole) throws {
    guard let raw = RawSystemCall() else { throw NoSystemCalls() }
    self.raw = raw
    filter = role.filter(processID: getpid())
    var random = RandomFilters(random: SplitMix64(seed: 1))
    var calls: [ObservedCall] = []
    // What the kernel plants for probes (uretprobe and uprobe) passes every filter, and is SIGILL where
    // it planted nothing.
    for number in 0..<470 as Range<UInt32> where number != 335 && number != 336 {
      for _ in 0..<20 { calls.append(ObservedCall(number, random.call().arguments)) }
    }
    for _ in 0..<10_000 { calls.append(random.call(near: filter)) }
    self.calls = calls
    results = .allocate(capacity: calls.count)
    results.initialize(repeating: 0, count: calls.count)
  }

  func run() throws {
    let rules = filter.rules.map { rule in
      rule.replacing(action: rule.action == .allow ? .fail(Self.allowed) : rule.action)
    }
    let program = try SeccompFilter(rules, otherwise: .fail(Self.refused)).compile()
    let finished = Finished()
    try giveUpPrivileges()
    // It never ends, and the process goes without it.
    _ = try HostThread(name: "trial") {
      // Once without the filter, because the first use of generic code allocates.
      sweep([ObservedCall(RandomFilters.numbers.lowerBound)])
      guard (try? program.bindCallingThread(as: "trial")) != nil else { return }
      sweep(calls)
      finished.flag.store(true, ordering: .releasing)
      while finished.flag.load(ordering: .relaxed) {}
    }
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 60_000_000_000)
    while !finished.flag.load(ordering: .acquiring) {
      guard MonotonicTime.now() < deadline else { throw ThreadOverdue() }
      usleep(1000)
    }
    try judge()
    _exit(0)
  }

  private func sweep(_ calls: [ObservedCall]) {
    for index in calls.indices { results[index] = raw.make(calls[index]) }
  }

  private func judge() throws {
    let program = try filter.compile()
    for (index, call) in calls.enumerated() {
      let verdict = try program.verdict(on: call)
      let expected =
        switch verdict & 0xffff_0000 {
        case SeccompAction.allow.verdict(): Self.allowed
        case SeccompAction.fail(Errno(rawValue: 0)).verdict():
          Errno(rawValue: CInt(verdict & 0xffff))
        default: Self.refused
        }
      guard results[index] == -Int(expected.rawValue) else {
        throw Disagreement(call: call, kernel: results[index], interpreter: expected)
      }
    }
  }

  struct Disagreement: Error {
    let call: ObservedCall
    let kernel: Int
    let interpreter: Errno
  }
}

private final class Finished: Sendable {
  let flag = Atomic(false)
}

extension SeccompRule {
  /// The same rule with another action.
  func replacing(action: SeccompAction) -> SeccompRule {
    SeccompRule(call, conditions, do: action, reason: reason)
  }
}
