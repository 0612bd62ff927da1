import Evidence
import HostOS
package import Wire

/// Where a run stands, as far as the guest has told.
package enum RunPhase: String, Sendable, CaseIterable, Comparable {
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

  /// How long the phase may take; before the work, the limit of the whole run alone counts.
  func limit(in limits: RunLimits) -> UInt64 {
    switch self {
    case .booting, .settingUp: .max
    case .working: limits.work
    case .draining: limits.drain
    case .poweringOff, .ended: limits.powerOff
    }
  }

  /// The phase that an event leads to from this one.
  ///
  /// It is never an earlier one: a guest that tells of a stage twice gets no new time for it.
  package func following(_ event: Event) -> RunPhase {
    let told: RunPhase? =
      switch event {
      case .hello: .settingUp
      case .stage(let reached):
        switch reached.stage {
        case .workStarted: .working
        case .workEnded: .draining
        default: nil
        }
      case .finished: .poweringOff
      default: nil
      }
    return max(self, told ?? self)
  }

  package static func < (left: RunPhase, right: RunPhase) -> Bool {
    left.position < right.position
  }

  private var position: Int {
    switch self {
    case .booting: 0
    case .settingUp: 1
    case .working: 2
    case .draining: 3
    case .poweringOff: 4
    case .ended: 5
    }
  }
}
