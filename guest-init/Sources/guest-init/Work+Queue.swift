internal import CGuest
internal import GuestLogic
internal import Wire

extension Worker {
  // Lines of the group: who waits for items, the lock with the counts, who waits for room.
  private static let itemsLine = 0
  private static let queueLine = 1
  private static let roomLine = 2

  /// Fills or empties the group's queue; an iteration is an item, and its latency is the time that
  /// it lay in the queue.
  mutating func queueWork(_ load: QueueLoad) -> Never {
    awaitStart()
    if number < Int(load.producers) { produce(load) } else { consume(load) }
    leave()
  }

  private mutating func produce(_ load: QueueLoad) {
    let added = arena.cell(Self.queueLine, 0)
    let taken = arena.cell(Self.queueLine, 1)
    let room = arena.word(Self.roomLine)
    while !shallStop {
      burn(load.produceNanoseconds)
      while true {
        guard take(Self.queueLine, inherits: false, isRecorded: false) else { return }
        let index = added.value
        let seen = room.value
        let isFull = index - taken.value >= UInt64(load.depth)
        if !isFull {
          item(index, load).value = Time.now
          added.value = index + 1
        }
        give(Self.queueLine, inherits: false)
        guard isFull else { break }
        guard wait(room, while: seen, isIdle: true) else { return }
        resume()
      }
      arena.word(Self.itemsLine).increment()
      checkpoint(1)
    }
  }

  private mutating func consume(_ load: QueueLoad) {
    let added = arena.cell(Self.queueLine, 0)
    let taken = arena.cell(Self.queueLine, 1)
    let items = arena.word(Self.itemsLine)
    var hasWaited = false
    while !shallStop {
      guard take(Self.queueLine, inherits: false, isRecorded: false) else { return }
      let index = taken.value
      let seen = items.value
      let isEmpty = index == added.value
      let moment = isEmpty ? 0 : item(index, load).value
      if !isEmpty { taken.value = index + 1 }
      give(Self.queueLine, inherits: false)
      if isEmpty {
        guard wait(items, while: seen, isIdle: true) else { return }
        hasWaited = true
        resume()
        continue
      }
      arena.word(Self.roomLine).increment()
      checkpoint(0)
      let latency = lastCheckpoint > moment ? lastCheckpoint - moment : 0
      recordRequest(latency)
      if hasWaited { recordWake(since: moment) }
      hasWaited = false
      burn(load.consumeNanoseconds)
      checkpoint(1)
    }
  }

  /// Where an item's moment lies, behind the lines of the workers.
  private func item(_ index: UInt64, _ load: QueueLoad) -> Cell {
    arena.cell(Arena.line(of: Int(spec.groupSize)) + Int(index % UInt64(load.depth)), 0)
  }
}
