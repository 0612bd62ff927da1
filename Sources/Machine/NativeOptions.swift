package import Boot

/// How our own engine runs a guest; no other engine looks at it.
package struct NativeOptions: Codable, Equatable, Sendable {
  /// Whether the process gives up what it does not need before the first guest instruction.
  package var isSandboxed: Bool
  /// Whether each vCPU has a CPU of the host and a real-time priority of its own.
  package var isPerformance: Bool
  /// Whether the guest's memory shall be huge pages.
  package var hasHugePages: Bool
  /// How the kernel is entered.
  package var entry: EntryChoice

  /// The options; by default a sandbox and nothing special.
  package init(
    isSandboxed: Bool = true, isPerformance: Bool = false, hasHugePages: Bool = false,
    entry: EntryChoice = .automatic
  ) {
    self.entry = entry
    self.isSandboxed = isSandboxed
    self.isPerformance = isPerformance
    self.hasHugePages = hasHugePages
  }

  /// What differs from the default, for the reason of a result; empty where nothing does.
  package var remarks: [String] {
    var remarks: [String] = []
    if !isSandboxed { remarks.append("sandbox off (--no-sandbox)") }
    if isPerformance { remarks.append("vCPUs pinned, with real-time priority (--perf)") }
    if hasHugePages { remarks.append("huge pages asked for (--huge-pages)") }
    return remarks
  }
}
