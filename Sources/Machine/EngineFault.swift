/// Tells an engine's own faults from the guest's.
package enum EngineFault {
  /// The line of a guest's panic report that is the software CPU's doing, or nil.
  ///
  /// QEMU's multi-threaded software CPU can run a vCPU into the middle of code that the kernel is
  /// patching (jump labels, static calls). The kernel then dies of a breakpoint that it did not
  /// set, which no real CPU does: `Oops: int3` (`int3: 0000` before Linux 6.10).
  package static func line(in panicText: String, engine: EngineKind) -> String? {
    guard engine == .tcg else { return nil }
    return panicText.split(separator: "\n").first { $0.contains("int3: 0000 [#") }.map(String.init)
  }
}
