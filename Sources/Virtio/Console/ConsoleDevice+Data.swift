import Synchronization

extension ConsoleDevice {
  /// Moves the guest's output to the port's sink.
  func transmit(_ index: Int, _ queue: ConsoleQueue, _ cause: ServiceCause) -> ServiceOutcome {
    let port = ports[index]
    return queue.turn(cause, counts, broken: brokenFlag) { (rings, state) throws(QueueError) in
      var budget = ConsoleQueue.batchBytes
      for _ in 0..<ConsoleQueue.batchCount {
        // Before it is open, and once it is closed, what the guest offers stays its own.
        guard control.withLock({ $0.isOpen(index) }) else { return .blocked }
        guard let isRight = try state.nextReadable(&rings) else { return .drained }
        guard isRight else {
          port.counts.add(.malformedBuffer)
          continue
        }
        if state.progressHead != state.chain.head { state.progress = 0 }
        state.progressHead = state.chain.head
        while state.progress < state.readable.byteCount {
          guard budget > 0 else { return .budget }
          guard let count = offer(&state, port, queue.wake) else {
            port.counts.add(.outputBlocked)
            return .blocked
          }
          state.progress += count
          budget -= count
        }
        try state.finish(&rings, length: 0)
        state.progress = 0
        state.progressHead = nil
        port.counts.add(.buffersOut)
      }
      return .budget
    }
  }

  /// Offers the rest of a chain to the sink; how much of it is done with, nil when it has to wait.
  private func offer(
    _ state: inout ConsoleQueue.State, _ port: Port, _ wake: QueueWake
  ) -> Int? {
    let left = state.readable.byteCount - state.progress
    let sink = port.endpoints.withLock { $0.sink }
    let result = sink?.take(&state.readable, from: state.progress, wake: wake)
    switch result {
    case .moved(let count) where count > 0:
      let moved = min(count, left)
      port.counts.add(.bytesOut, UInt64(moved))
      return moved
    case .moved, .later:
      return nil
    case .closed:
      closeSink(port)
      fallthrough
    case nil:
      port.counts.add(.bytesDiscarded, UInt64(left))
      return left
    }
  }

  /// Moves bytes from the port's source into the guest's buffers.
  func receive(_ index: Int, _ queue: ConsoleQueue, _ cause: ServiceCause) -> ServiceOutcome {
    let port = ports[index]
    return queue.turn(cause, counts, broken: brokenFlag) { (rings, state) throws(QueueError) in
      for _ in 0..<ConsoleQueue.batchCount {
        guard control.withLock({ $0.isOpen(index) }) else { return .blocked }
        guard let isRight = try state.nextWritable(&rings) else { return .drained }
        guard isRight else {
          port.counts.add(.malformedBuffer)
          continue
        }
        let source = port.endpoints.withLock { $0.isSourceClosed ? nil : $0.source }
        guard let source else { return .blocked }
        switch source.fill(&state.writable, wake: queue.wake) {
        case .moved(let count) where count > 0:
          let moved = min(count, state.writable.byteCount)
          try state.finish(&rings, length: moved)
          port.counts.add(.bytesIn, UInt64(moved))
          port.counts.add(.buffersIn)
        case .moved, .later:
          return .blocked
        case .closed:
          closeSource(port)
          return .blocked
        }
      }
      return .budget
    }
  }

  private func closeSink(_ port: Port) {
    let isNew = port.endpoints.withLock { $0.sink.take() != nil }
    if isNew { hostClosed(port) }
  }

  /// The end of the input closes a port that has no output; else the guest could not write on.
  private func closeSource(_ port: Port) {
    let isWhole = port.endpoints.withLock { endpoints in
      endpoints.isSourceClosed = true
      return endpoints.sink == nil
    }
    if isWhole { hostClosed(port) }
  }

  private func hostClosed(_ port: Port) {
    guard let index = ports.firstIndex(where: { $0 === port }) else { return }
    port.counts.add(.hostClosed)
    setHostOpen(index, false)
  }
}
