internal import GuestLogic
internal import Wire

// Actions on schedulers and payloads.
extension Course {
  /// Begins an action on what runs beside the workers; nil for any other one.
  func begin(
    _ action: PhaseAction, _ now: UInt64, _ cgroups: borrowing Cgroups,
    _ companions: inout Companions, _ telemetry: inout Telemetry
  ) throws(Failure) -> State? {
    switch action {
    case .startScheduler(let index):
      guard !companions.hasScheduler else { throw Failure("another scheduler is attached") }
      return .clearing(deadline: Time.after(Self.actionLimit, from: now), next: index)
    case .stopScheduler(let index):
      try companions.dismissScheduler(index, &telemetry)
      return .clearing(deadline: stopDeadline(of: index, now), next: nil)
    case .replaceScheduler(let old, let new):
      try companions.dismissScheduler(old, &telemetry)
      return .clearing(deadline: stopDeadline(of: old, now), next: new)
    case .runPayload(let index, let waits):
      if let failure = companions.start(Int(index), of: plan, cgroups: cgroups, &telemetry) {
        throw failure
      }
      return .running(waits ? index : nil)
    default: return nil
    }
  }

  /// A scheduler is asked to go, and forced; then the kernel may take its time.
  private func stopDeadline(of index: UInt16, _ now: UInt64) -> UInt64 {
    let limit = plan.schedulers[Int(index)].stopNanoseconds
    return Time.after(Self.slack, from: Time.after(limit, from: Time.after(limit, from: now)))
  }

  /// Whether there is an answer: the scheduler is gone, or its time is over.
  mutating func clear(
    before deadline: UInt64, _ next: UInt16?, _ now: UInt64, _ companions: inout Companions,
    _ telemetry: inout Telemetry
  ) -> Bool {
    guard companions.isKernelsOwn else {
      guard now >= deadline else { return false }
      endAction(
        Failure("the kernel has not got its own back: its state is " + SchedExt.state), &telemetry)
      return true
    }
    guard let next else {
      endAction(nil, &telemetry)
      return true
    }
    do throws(Failure) {
      try companions.begin(Int(next), of: plan, &telemetry)
      state = .attaching
    } catch {
      endAction(error, &telemetry)
    }
    return true
  }

  /// Whether there is an answer: the scheduler is attached, or has given up.
  mutating func attach(
    _ companions: borrowing Companions, _ telemetry: inout Telemetry
  ) -> Bool {
    switch companions.attachment {
    case .underWay: return false
    case .attached: endAction(nil, &telemetry)
    case .failed(let failure): endAction(failure, &telemetry)
    }
    return true
  }
}
