import Synchronization

extension MMIOTransport {
  /// Takes the driver's write to the status.
  func writeStatus(_ value: UInt32, _ registers: inout MMIORegisters) {
    switch status.step(writing: value) {
    case .same: break
    case .refused: counts.add(.refusedStatus)
    case .reset: reset(&registers)
    case .advance(let wanted):
      if wanted.contains(.failed) {
        counts.add(.driverFailure)
        // The device's own bit may have come meanwhile, and stays.
        shared.withLock { _ = $0.status.insert(.failed) }
      } else if wanted.contains(.driverReady) {
        activate(wanted, &registers)
      } else if wanted.contains(.featuresAccepted) {
        guard acceptFeatures(&registers) else { return counts.add(.refusedFeatures) }
        shared.withLock { $0.status = wanted }
      } else {
        shared.withLock { $0.status = wanted }
      }
    }
  }

  /// Whether the driver's choice of features can be used (virtio 1.2, 2.2 and 6.1).
  private func acceptFeatures(_ registers: inout MMIORegisters) -> Bool {
    let chosen = VirtioFeatures(rawValue: registers.driverFeatures)
    guard !registers.hasStrangeFeatures, chosen.isSubset(of: offeredFeatures),
      chosen.contains(.version1),
      device.acceptFeatures(chosen.intersection(device.offeredFeatures))
    else { return false }
    registers.negotiated = chosen
    return true
  }

  /// Hands all enabled queues to the device.
  private func activate(_ wanted: DeviceStatus, _ registers: inout MMIORegisters) {
    counts.add(.activation)
    var isWhole = true
    let ready = registers.queues.indices.filter { registers.queues[$0].isReady }
    for index in ready where !start(index, registers) { isWhole = false }
    let generation = device.configurationGeneration
    shared.withLock { state in
      state.status = wanted
      state.isActive = true
      if state.configurationPending { raise(.configuration, &state) }
      state.configurationPending = false
      state.toldGeneration = generation
      if !isWhole { beginToNeedReset(&state) }
    }
    for index in ready { kick(index) }
  }

  /// Stops all work, waits for what is under way, and forgets what the driver wrote.
  private func reset(_ registers: inout MMIORegisters) {
    counts.add(.reset)
    // From here on no turn begins and no interrupt is sent.
    shared.withLock { $0.isActive = false }
    for (index, turn) in turns.enumerated() {
      turn.state.withLock { state in
        state.isFresh = false
        if registers.queues[index].isReady { _ = device.stopQueue(index) }
      }
    }
    device.reset()
    registers.reset()
    shared.withLock { $0 = SharedState() }
  }
}
