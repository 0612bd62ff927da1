/// Tells an engine's own faults from the guest's.
package enum EngineFault {
  /// Reserved bits of EFLAGS, 22 and up, which read as zero on every CPU (Intel SDM volume 1, 3.4.3).
  private static let reservedFlags: UInt64 = ~0x3f_ffff

  /// The line of a guest's panic report that is the software CPU's doing, or nil.
  ///
  /// Two faults are known, and neither can happen on a real CPU:
  /// - QEMU's multi-threaded software CPU can run a vCPU into the middle of code that the kernel is
  ///   patching (jump labels, static calls). The kernel then dies of a breakpoint that it did not
  ///   set: `Oops: int3` (`int3: 0000` before Linux 6.10).
  /// - Flags computed out of stale state leave bits of an address in EFLAGS.
  ///
  /// - Parameter trouble: lines of the console that tell of trouble before the panic: a second report
  ///   may stand between the fault and it.
  package static func line(
    in panicText: String, trouble: [String] = [], engine: EngineKind
  ) -> String? {
    guard engine == .tcg else { return nil }
    let lines = panicText.split(separator: "\n") + trouble.map { Substring($0) }
    return lines.first { line in
      line.contains("int3: 0000 [#") || hasImpossibleFlags(line)
    }.map(String.init)
  }

  private static func hasImpossibleFlags(_ line: Substring) -> Bool {
    guard let mark = line.range(of: "EFLAGS: ") else { return false }
    let digits = line[mark.upperBound...].prefix { $0.isHexDigit }
    guard let flags = UInt64(digits, radix: 16) else { return false }
    return flags & reservedFlags != 0
  }
}

extension Substring {
  /// Where a text first occurs.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
