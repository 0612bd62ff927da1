import HostOS
package import KVM

/// What was asked for on the command line.
package enum EngineRequest: String, Sendable, CaseIterable {
  /// The best that this host can do.
  case auto
  /// Our own VMM, or an error.
  case kvm
  /// QEMU's software CPU, or an error.
  case tcg
}

/// Which engine a run takes, and why.
package struct EngineChoice: Sendable, Equatable {
  /// The engine.
  package var engine: EngineKind
  /// Its program, where it is one of its own; nil for ours.
  package var program: String?
  /// What only our own engine looks at.
  package var native = NativeOptions()
  /// Why this one, for people.
  package var reason: String

  /// The reason, and what of the engine is not as usual.
  package var account: String {
    engine == .kvm ? ([reason] + native.remarks).joined(separator: "; ") : reason
  }

  /// The program of the tcg engine.
  package static let qemuName = "qemu-system-x86_64"
  /// How to get it.
  package static let qemuRemedy = "install it: apt-get install qemu-system-x86"

  /// Chooses the engine for this host.
  ///
  /// - Throws: ``MachineError/engineUnavailable(_:reason:remedy:)``.
  package init(_ request: EngineRequest, kvm: () -> KVMFinding) throws(MachineError) {
    switch request {
    case .kvm:
      let finding = kvm()
      guard case .native = finding else {
        throw .engineUnavailable(
          .kvm, reason: Self.describe(finding), remedy: "use --engine tcg, or leave --engine out")
      }
      self.init(kvmBecause: "asked for with --engine kvm")
    case .tcg:
      try self.init(tcgBecause: "asked for with --engine tcg")
    case .auto:
      let finding = kvm()
      if case .native = finding {
        self.init(kvmBecause: Self.describe(finding))
      } else {
        try self.init(tcgBecause: Self.describe(finding))
      }
    }
  }

  private init(kvmBecause reason: String) {
    engine = .kvm
    program = nil
    self.reason = reason
  }

  private init(tcgBecause reason: String) throws(MachineError) {
    guard let program = ExecutableSearch.find(Self.qemuName) else {
      throw .engineUnavailable(
        .tcg, reason: "\(Self.qemuName) is not in PATH", remedy: Self.qemuRemedy)
    }
    self.engine = .tcg
    self.program = program
    self.reason = reason
  }

  /// A finding about `/dev/kvm` in words.
  package static func describe(_ finding: KVMFinding) -> String {
    switch finding {
    case .native(let nanoseconds):
      "/dev/kvm runs at native speed (\(NativeSpeedProbe.rounds) rounds in "
        + "\(microseconds(nanoseconds)))"
    case .emulated(let nanoseconds):
      "/dev/kvm interprets each instruction (\(NativeSpeedProbe.rounds) rounds in "
        + "\(microseconds(nanoseconds)), native is below "
        + "\(microseconds(NativeSpeedProbe.limitNanoseconds)))"
    case .absent: "there is no /dev/kvm"
    case .notPermitted: "/dev/kvm may not be opened by this user"
    case .broken(let reason): "/dev/kvm does not work: \(reason)"
    }
  }

  private static func microseconds(_ nanoseconds: UInt64) -> String {
    nanoseconds >= 1_000_000 ? "\(nanoseconds / 1_000_000) ms" : "\(nanoseconds / 1_000) us"
  }
}
