import GuestMemory
import HostOS
import Synchronization

extension MMIOTransport {
  /// Changes what the driver says of the selected queue, unless it is in use.
  func writeQueue(_ change: (inout MMIORegisters.Queue) -> Void) {
    registers.withLock { registers in
      guard let index = registers.selectedQueue, !registers.queues[index].isReady,
        mayConfigureQueues
      else {
        counts.add(.ignoredQueueWrite)
        return
      }
      change(&registers.queues[index])
    }
  }

  /// Enables or disables the selected queue.
  func writeReady(_ value: UInt32, _ registers: inout MMIORegisters) {
    guard let index = registers.selectedQueue, value <= 1 else {
      counts.add(.ignoredQueueWrite)
      return
    }
    guard value == 1 else { return stop(index, &registers) }
    guard !registers.queues[index].isReady, mayConfigureQueues else {
      counts.add(.ignoredQueueWrite)
      return
    }
    let configuration = registers.queues[index].configuration(maximumSize: registers.maximumSize)
    guard let configuration, configuration.isValid(in: memory) else {
      counts.add(.refusedQueue)
      return
    }
    // A queue that was disabled or reset comes back while the device is at work.
    let isActive = shared.withLock { $0.isActive }
    guard !isActive || start(index, registers) else {
      counts.add(.refusedQueue)
      return
    }
    registers.queues[index].isReady = true
    if isActive { kick(index) }
  }

  /// Resets the selected queue (virtio 1.2, 2.6.1).
  func writeQueueReset(_ value: UInt32, _ registers: inout MMIORegisters) {
    guard registers.negotiated.contains(.ringReset) else {
      counts.add(.unknownRegister)
      return
    }
    guard value == 1, let index = registers.selectedQueue else {
      counts.add(.ignoredQueueWrite)
      return
    }
    stop(index, &registers)
    registers.queues[index] = MMIORegisters.Queue(maximumSize: registers.maximumSize)
    counts.add(.queueReset)
  }

  /// Hands a queue to the device; false when its rings cannot be used.
  func start(_ index: Int, _ registers: MMIORegisters) -> Bool {
    guard
      let configuration = registers.queues[index].configuration(maximumSize: registers.maximumSize)
    else { return false }
    do throws(QueueError) {
      // The driver has just set the rings up, so both sides count from zero.
      device.startQueue(
        index,
        try SplitQueue(
          configuration, in: memory, features: registers.negotiated.subtracting(.ringReset),
          nextAvailable: 0, nextUsed: 0))
      return true
    } catch {
      return false
    }
  }

  /// Has a queue looked at that was just started: notifications that came before are not lost,
  /// even those that only its notifier saw.
  func kick(_ index: Int) {
    turns[index].state.withLock { $0.isFresh = true }
    turns[index].notifier.event.signal()
  }

  private func stop(_ index: Int, _ registers: inout MMIORegisters) {
    guard registers.queues[index].isReady else { return }
    registers.queues[index].isReady = false
    // A turn under way ends, with its interrupt, before the queue goes.
    turns[index].state.withLock { _ in _ = device.stopQueue(index) }
  }

  private var mayConfigureQueues: Bool {
    let status = status
    return status.contains(.featuresAccepted) && status.isDisjoint(with: [.failed, .needsReset])
  }
}
