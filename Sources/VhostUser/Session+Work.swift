import CLinux
import GuestMemory
import HostOS
import Virtio

extension Session {
  // Turns that may pass before the descriptors are looked at again.
  private static let turnsInARow = 16

  /// Gives the rings what they need until nothing is left to do or it is time to look at the
  /// descriptors; for how many milliseconds to sleep then, nil until something happens.
  func work() -> Int32? {
    for _ in 0..<Self.turnsInARow {
      if serveAll(staysAwake: busyPoll.budget > 0) { continue }
      if findWork() {
        statistics.pollHits.add()
        continue
      }
      if !prepareToSleep() { return sleepLimit }
    }
    return 0
  }

  /// One turn for each ring that has a reason for one; whether there is more to do.
  private func serveAll(staysAwake: Bool) -> Bool {
    var isBusy = false
    for index in rings.indices {
      let ring = rings[index]
      guard ring.isRunning, ring.hasWork || ring.wasWoken || ring.isPolled else { continue }
      if serve(index, staysAwake: staysAwake) { isBusy = true }
    }
    return isBusy
  }

  /// Looks for work for a while; whether there was some.
  private func findWork() -> Bool {
    guard busyPoll.budget > 0 else { return false }
    let deadline = MonotonicTime.now().advanced(byNanoseconds: busyPoll.budget)
    repeat {
      for index in rings.indices where rings[index].isActive && rings[index].isRunning {
        let outcome = device.service(queue: index, cause: .continuation, staysAwake: true)
        finishTurn(index, outcome)
        if outcome.progress || outcome.more { return true }
      }
      ktstr_cpu_relax()
    } while MonotonicTime.now() < deadline
    return false
  }

  /// Asks all drivers to notify again; true when one of them has work already.
  private func prepareToSleep() -> Bool {
    guard busyPoll.budget > 0 else { return false }
    var isBusy = false
    for index in rings.indices where rings[index].isActive && rings[index].isRunning {
      if serve(index, staysAwake: false) { isBusy = true }
    }
    return isBusy
  }

  private var sleepLimit: Int32? {
    if rings.contains(where: { $0.isRunning && $0.isPolled }) { return 1 }
    return channel?.isPending == true ? BackendChannel.retryMilliseconds : nil
  }

  /// Gives a running ring one turn; whether it wants another.
  private func serve(_ index: Int, staysAwake: Bool) -> Bool {
    let ring = rings[index]
    do throws(VhostUserError) {
      try activate(index)
    } catch {
      // The set-up is the frontend's, so this is a refusal like those of messages.
      statistics.refuse(error)
      ring.isBroken = true
      signalError(index)
      return false
    }
    let cause: ServiceCause =
      ring.wasKicked ? .notification : ring.wasWoken ? .wake : .continuation
    ring.wasKicked = false
    ring.wasWoken = false
    ring.hasWork = false
    let outcome = device.service(queue: index, cause: cause, staysAwake: staysAwake)
    finishTurn(index, outcome)
    return ring.hasWork
  }

  private func finishTurn(_ index: Int, _ outcome: ServiceOutcome) {
    let ring = rings[index]
    if outcome.more { ring.hasWork = true }
    if outcome.progress { noteLogged(index) }
    if outcome.interrupt { signalCall(index) }
    if outcome.failure != nil {
      signalError(index)
      // The driver learns of it from the status or from this.
      channel?.noteConfigurationChange()
      flushChannel()
    }
  }

  /// Takes the news of a kick or of the device.
  func notified(_ token: UInt64, _ readiness: Epoll.Interest) {
    guard let place = Int(exactly: token - Token.firstKick) else { return }
    guard place < rings.count else {
      let index = place - rings.count
      // The device drains it in the turn.
      if rings.indices.contains(index) { rings[index].wasWoken = true }
      return
    }
    let ring = rings[place]
    guard let raw = ring.kick?.raw else { return }
    if !ring.kickIsCounter && EventFD.drain(raw) == 0 {
      // Nothing will come any more; left in the set it would wake us for ever.
      if !readiness.isDisjoint(with: [.hungUp, .failed]) { try? epoll.remove(raw) }
      return
    }
    kicked(place)
  }

  /// The driver has told of new requests.
  func kicked(_ index: Int) {
    let ring = rings[index]
    statistics.kicks.add()
    ring.isStarted = true
    ring.hasWork = true
    ring.wasKicked = true
  }

  /// Tells the driver that there are answers.
  func signalCall(_ index: Int) {
    let ring = rings[index]
    switch ring.callMode {
    case .polling: return
    case .descriptor:
      guard let raw = ring.call?.raw else { return }
      statistics.calls.add()
      EventFD.signal(raw)
    case .unset:
      guard usesInBandCalls else { return }
      statistics.calls.add()
      channel?.note(.ringCall, ring: UInt32(index))
      flushChannel()
    }
  }

  /// Tells the driver that a ring is in error.
  func signalError(_ index: Int) {
    statistics.ringErrors.add()
    if let raw = rings[index].error?.raw {
      EventFD.signal(raw)
    } else if usesInBandCalls {
      channel?.note(.ringError, ring: UInt32(index))
      flushChannel()
    }
  }

  private var usesInBandCalls: Bool {
    protocolFeatures.isSuperset(of: [.inBandNotifications, .backendRequests])
  }

  /// Sends what is due to the frontend, as far as it has room.
  func flushChannel() {
    let acknowledged = protocolFeatures.contains(.replyAcknowledge)
    if channel?.flush(acknowledged: acknowledged, statistics) == .lost { loseChannel() }
  }

  /// Lets go of a channel that is of no use any more.
  func loseChannel() {
    guard let raw = channel?.descriptor.raw else { return }
    try? epoll.remove(raw)
    channel = nil
  }
}
