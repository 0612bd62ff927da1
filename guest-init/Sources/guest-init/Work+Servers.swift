internal import CGuest
internal import GuestLogic
internal import Wire

extension Worker {
  // MARK: Messages with answers

  /// Messengers wake their workers; each then serves a request and reports back.
  ///
  /// A worker that is ready raises its flag (cell 1 of its line) and waits; its messenger clears
  /// the flag, stores the moment and wakes it. Wake-up latency is from there until it runs, request
  /// latency until it is done.
  mutating func messages(_ load: MessageLoad) -> Never {
    let messengers = Int(load.messengers)
    awaitStart()
    guard number >= messengers else { deliver(messengers: messengers) }
    let own = Arena.line(of: number)
    // The messenger's word counts who is ready.
    let box = Arena.line(of: number % messengers)
    var round: UInt32 = 0
    while !shallStop {
      arena.cell(own, 1).value = 1
      arena.word(box).increment()
      guard wait(arena.word(own), while: round, isIdle: true) else { break }
      round &+= 1
      let moment = arena.cell(own, 0).value
      wakeUp(since: moment, done: 0)
      if load.thinkNanoseconds > 0 { sleep(load.thinkNanoseconds) }
      burn(load.busyNanoseconds)
      // A stop cuts both short: that is no request that was served.
      if shallStop { break }
      checkpoint(1)
      recordRequest(lastCheckpoint > moment ? lastCheckpoint - moment : 0)
    }
    leave()
  }

  private mutating func deliver(messengers: Int) -> Never {
    let box = arena.word(Arena.line(of: number))
    var rounds = [UInt32](repeating: 0, count: Int(spec.groupSize))
    var seen: UInt32 = 0
    while !shallStop {
      guard wait(box, while: seen, isIdle: true) else { break }
      resume()
      seen = box.value
      var sent: UInt64 = 0
      var worker = messengers + number
      while worker < Int(spec.groupSize) {
        let line = Arena.line(of: worker)
        if arena.cell(line, 1).replace(1, by: 0) {
          rounds[worker] &+= 1
          send(rounds[worker], to: line)
          sent += 1
        }
        worker += messengers
      }
      checkpoint(sent)
    }
    leave()
  }

  // MARK: Open loop

  /// Requests that arrive whether or not the servers keep up: latencies count from the moment at
  /// which each was to arrive, so that a slow server cannot slow the load down and look fast.
  mutating func serve(_ load: CacheLoad) -> Never {
    guard let table = group.field else { leave(.memory, 12) }
    let arrived = arena.cell(0, 0)
    let taken = arena.cell(0, 1)
    let bell = arena.word(0)
    let schedule = Arrivals(perSecond: UInt64(load.perSecond), seed: group.seed)
    let lines = UInt64(table.count / 8)
    if number == 0 {
      table.populate()
      awaitStart()
      arrive(schedule, arrived, bell)
    }
    awaitStart()
    let start = lastCheckpoint
    var sum: UInt64 = 1
    while !shallStop {
      let rung = bell.value
      let next = taken.value
      guard next < arrived.value else {
        guard wait(bell, while: rung, isIdle: true) else { break }
        // Rung at this moment, if it is for this worker.
        wakeUp(since: arena.cell(0, 2).value, done: 0)
        continue
      }
      guard taken.replace(next, by: next + 1) else { continue }
      for _ in 0..<load.lookups {
        sum |= table.touch(Int(random.next(below: lines)) * 8)
      }
      checkpoint(1)
      let moment = start &+ schedule.moment(of: next)
      recordRequest(lastCheckpoint > moment ? lastCheckpoint - moment : 0)
    }
    keep(sum)
    leave()
  }

  /// Lets requests arrive at their moments, late ones together, and wakes a server for each.
  private mutating func arrive(_ schedule: Arrivals, _ arrived: Cell, _ bell: Word) -> Never {
    let start = lastCheckpoint
    var next: UInt64 = 0
    while sleep(until: start &+ schedule.moment(of: next), done: 0) {
      while start &+ schedule.moment(of: next) <= lastCheckpoint && !shallStop {
        next += 1
        arena.cell(0, 2).value = Time.now
        arrived.value = next
        bell.increment()
        checkpoint(1)
      }
    }
    leave()
  }
}
