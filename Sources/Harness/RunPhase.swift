import Evidence
import HostOS
package import Wire

/// Where a run stands, as far as the guest has told.
package enum RunPhase: String, Sendable, CaseIterable {
  /// The engine is starting and the kernel boots.
  case booting
  /// Init sets the guest up.
  case settingUp
  /// Workers run.
  case working
  /// Workers stop and report.
  case draining
  /// All is reported; the guest powers off.
  case poweringOff
  /// The engine has ended.
  case ended

  /// What the run waits for in this phase, for messages.
  package var awaited: String {
    switch self {
    case .booting: "the guest's first event"
    case .settingUp: "the start of the work"
    case .working: "the end of the work"
    case .draining: "the workers' reports"
    case .poweringOff: "the guest to power off"
    case .ended: "nothing"
    }
  }

  func limit(in limits: RunLimits) -> UInt64 {
    switch self {
    case .booting: limits.boot
    case .settingUp: limits.setUp
    case .working: limits.work
    case .draining: limits.drain
    case .poweringOff, .ended: limits.powerOff
    }
  }

  /// The phase that an event leads to from this one.
  package func following(_ event: Event) -> RunPhase {
    switch event {
    case .hello: self == .booting ? .settingUp : self
    case .stage(let reached):
      switch reached.stage {
      case .workStarted: .working
      case .workEnded: .draining
      default: self
      }
    case .finished: .poweringOff
    default: self
    }
  }
}
