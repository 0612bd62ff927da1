import HostOS
import Synchronization

extension MMIOTransport {
  /// Reasons of an interrupt (virtio 1.2, 4.2.2: InterruptStatus).
  struct InterruptReason: OptionSet, Sendable {
    let rawValue: UInt32

    /// The device has used a buffer.
    static let usedBuffer = InterruptReason(rawValue: 1)
    /// The configuration has changed, or the device needs a reset.
    static let configuration = InterruptReason(rawValue: 2)
  }

  /// Gives the device a turn on a queue, and the driver its interrupt; true when there is more to
  /// do at once.
  ///
  /// Nothing happens before the driver is ready, or when the queue does not exist.
  @discardableResult
  package func serve(queue index: Int, cause: ServiceCause = .notification) -> Bool {
    guard turns.indices.contains(index) else { return false }
    return turns[index].state.withLock { turn in
      let isServing = shared.withLock { $0.isActive && !$0.status.contains(.needsReset) }
      guard isServing else { return false }
      var cause = cause
      // The first look after the start is the transport's own wish.
      if turn.isFresh, case .notification = cause { cause = .continuation }
      turn.isFresh = false
      let outcome = device.service(queue: index, cause: cause)
      let isBroken = outcome.failure != nil || device.needsReset
      if outcome.interrupt || isBroken {
        shared.withLock { state in
          if outcome.interrupt { raise(.usedBuffer, &state) }
          if isBroken { beginToNeedReset(&state) }
        }
      }
      return outcome.more && !isBroken
    }
  }

  /// Takes the driver's notification of a queue.
  func notify(_ value: UInt32) {
    guard let index = Int(exactly: value), turns.indices.contains(index) else {
      counts.add(.strayNotification)
      return
    }
    counts.add(shared.withLock { $0.isActive } ? .notification : .earlyNotification)
    turns[index].notifier.event.signal()
  }

  /// Takes the driver's word that it has seen these reasons.
  func acknowledge(_ reasons: UInt32) {
    counts.add(.acknowledgement)
    shared.withLock { $0.interrupts &= ~reasons }
  }

  /// The device says that its configuration has changed, or that it needs a reset.
  func configurationChanged() {
    let isBroken = device.needsReset
    let generation = device.configurationGeneration
    shared.withLock { state in
      guard state.isActive else {
        state.configurationPending = true
        return
      }
      let isOld = state.toldGeneration == generation
      state.toldGeneration = generation
      // The need of a reset is told once, by whoever sees it first; a change always.
      if isBroken, isOld { return beginToNeedReset(&state) }
      raise(.configuration, &state)
      if isBroken { beginToNeedReset(&state, telling: false) }
    }
  }

  /// Sets a reason and tells the guest, only while the device is at work.
  func raise(_ reason: InterruptReason, _ state: inout SharedState) {
    guard state.isActive else { return }
    state.interrupts |= reason.rawValue
    counts.add(reason == .usedBuffer ? .usedInterrupt : .configurationInterrupt)
    interruptLine.signal()
  }

  /// Sets the device's own bit of the status and tells the guest, once.
  func beginToNeedReset(_ state: inout SharedState, telling: Bool = true) {
    guard state.isActive, !state.status.contains(.needsReset) else { return }
    state.status.insert(.needsReset)
    counts.add(.needsReset)
    if telling { raise(.configuration, &state) }
  }
}
