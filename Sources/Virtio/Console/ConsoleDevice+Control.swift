import Synchronization

extension ConsoleDevice {
  /// Puts messages that the driver is to get into its buffers.
  func sendControl(_ queue: ConsoleQueue, _ cause: ServiceCause) -> ServiceOutcome {
    queue.turn(cause, counts, broken: brokenFlag) { (rings, state) throws(QueueError) in
      for _ in 0..<ConsoleQueue.batchCount {
        guard control.withLock({ $0.hasPending }) else { return .blocked }
        guard let isRight = try state.nextWritable(&rings) else { return .drained }
        guard isRight else {
          counts.add(.malformedControlBuffer)
          continue
        }
        let room = state.writable.byteCount
        guard let message = control.withLock({ $0.takeMessage(room: room) }) else {
          // It could never be used, and would be in the way of a better one.
          try state.finish(&rings, length: 0)
          counts.add(.smallControlBuffer)
          continue
        }
        let count = unsafe state.writable.write(message.span.bytes, at: 0)
        try state.finish(&rings, length: count)
        counts.add(.controlSent)
      }
      return .budget
    }
  }

  /// Takes messages from the driver.
  func receiveControl(_ queue: ConsoleQueue, _ cause: ServiceCause) -> ServiceOutcome {
    queue.turn(cause, counts, broken: brokenFlag) { (rings, state) throws(QueueError) in
      for _ in 0..<ConsoleQueue.batchCount {
        guard control.withLock({ $0.isMultiport == true }) else { return .blocked }
        guard let isRight = try state.nextReadable(&rings) else { return .drained }
        guard isRight else {
          counts.add(.malformedControlBuffer)
          continue
        }
        take(state.readable)
        try state.finish(&rings, length: 0)
      }
      return .budget
    }
  }

  private func take(_ buffers: borrowing ReadableBuffers) {
    counts.add(.controlReceived)
    var header = [UInt8](repeating: 0, count: ConsoleMessage.byteCount)
    var span = header.mutableSpan
    var room = unsafe span.mutableBytes
    let count = buffers.read(at: 0, into: &room)
    guard count == ConsoleMessage.byteCount, let message = ConsoleMessage(header) else {
      return counts.add(.shortMessage)
    }
    if buffers.byteCount > ConsoleMessage.byteCount { counts.add(.oversizedMessage) }
    let (effect, hasNews) = control.withLock { ($0.handle(message), $0.hasPending) }
    if let event = effect.event { counts.add(event) }
    if let port = effect.changedPort {
      if let event = effect.portEvent { ports[port].counts.add(event) }
      wakeData(ofPort: port)
    }
    if hasNews { wakeControl() }
  }

  // MARK: From the host

  /// Changes the size of a console's screen, and tells the driver.
  ///
  /// The size of port 0 stands in the configuration space, too.
  package func resize(port index: Int, columns: UInt16, rows: UInt16) {
    let isChanged = control.withLock { control in
      let old = control.ports[index]
      guard old.columns != columns || old.rows != rows else { return false }
      control.ports[index].columns = columns
      control.ports[index].rows = rows
      // Expected to wrap.
      if index == 0 { control.generation &+= 1 }
      if old.isConsole, old.isReady { control.ports[index].pending.insert(.resize) }
      return true
    }
    guard isChanged else { return }
    if index == 0 { tellConfigurationChanged() }
    wakeControl()
  }

  /// Gives a port a new host side, and tells the driver that it is open.
  package func connect(
    port index: Int, sink: (any ConsoleSink)?, source: (any ConsoleSource)?
  ) {
    ports[index].endpoints.withLock { $0 = Endpoints(sink: sink, source: source) }
    setHostOpen(index, true)
    wakeData(ofPort: index)
  }

  /// Takes a port away from the driver; nothing when it is away.
  ///
  /// Its number stays free until the port is added again.
  package func removePort(_ index: Int) {
    control.withLock { control in
      guard control.ports[index].isPresent else { return }
      control.ports[index].isPresent = false
      control.ports[index].isReady = false
      control.ports[index].isGuestOpen = false
      control.ports[index].pending = control.ports[index].isAnnounced ? .remove : []
    }
    wakeControl()
  }

  /// Gives a port back that was removed; nothing when it is there.
  package func addPort(_ index: Int) {
    control.withLock { control in
      guard !control.ports[index].isPresent else { return }
      control.ports[index].isPresent = true
      if control.isDriverReady { control.ports[index].pending.insert(.add) }
    }
    wakeControl()
  }

  func setHostOpen(_ index: Int, _ isOpen: Bool) {
    control.withLock { control in
      guard control.ports[index].isHostOpen != isOpen else { return }
      control.ports[index].isHostOpen = isOpen
      if control.ports[index].isReady { control.ports[index].pending.insert(.open) }
    }
    wakeControl()
  }
}
