internal import CGuest
internal import GuestLogic
internal import Wire

extension Worker {
  /// Passes a message to the partner and back through words in shared memory.
  ///
  /// An iteration is a round trip; the first of the pair serves.
  mutating func passWord() -> Never {
    awaitStart()
    let partner = Arena.line(of: number ^ 1)
    let own = Arena.line(of: number)
    let isFirst = number % 2 == 0
    var round: UInt32 = 0
    while !shallStop {
      if isFirst { send(round &+ 1, to: partner) }
      guard wait(arena.word(own), while: round) else { break }
      round &+= 1
      received(on: own, done: 1)
      if !isFirst { send(round, to: partner) }
    }
    leave()
  }

  /// Waits for the token and passes it on to the next in the ring.
  mutating func wakeChain(busy: UInt64) -> Never {
    awaitStart()
    let own = Arena.line(of: number)
    let next = Arena.line(of: (number + 1) % Int(spec.groupSize))
    var round: UInt32 = 0
    if number == 0 { send(1, to: next) }
    while wait(arena.word(own), while: round) {
      round &+= 1
      received(on: own, done: 1)
      burn(busy)
      // The first had sent its token a round ahead of the others.
      send(number == 0 ? round &+ 1 : round, to: next)
    }
    leave()
  }

  /// Wakes all others one by one; waits until each has been busy.
  mutating func fanOut(pause: UInt64, busy: UInt64) -> Never {
    awaitStart()
    let done = arena.cell(0, 1)
    let others = UInt64(spec.groupSize) - 1
    var round: UInt32 = 0
    guard number == 0 else {
      let own = Arena.line(of: number)
      while wait(arena.word(own), while: round, isIdle: true) {
        round &+= 1
        wakeUp(since: arena.cell(own, 0).value, done: 1)
        burn(busy)
        if done.add(1) % others == 0 { send(round, to: 0) }
      }
      leave()
    }
    while !shallStop {
      if pause > 0 { sleep(pause) }
      round &+= 1
      for worker in 1..<Int(spec.groupSize) { send(round, to: Arena.line(of: worker)) }
      guard wait(arena.word(0), while: round &- 1, isIdle: true) else { break }
      wakeUp(since: arena.cell(0, 0).value, done: 1)
    }
    leave()
  }

  /// Wakes all others by one call; the first to come wins and is busy.
  mutating func thunderingHerd(pause: UInt64, busy: UInt64) -> Never {
    awaitStart()
    let call = arena.word(0)
    let moment = arena.cell(0, 0)
    let prize = arena.cell(0, 1)
    let seen = arena.cell(1, 1)
    let others = UInt64(spec.groupSize) - 1
    var round: UInt32 = 0
    while !shallStop {
      guard number == 0 else {
        guard wait(call, while: round, isIdle: true) else { break }
        round = call.value
        wakeUp(since: moment.value, done: 1)
        if prize.replace(UInt64(round), by: 0) {
          count(1)
          burn(busy)
        }
        if seen.add(1) % others == 0 { send(round, to: 1) }
        continue
      }
      if pause > 0 { sleep(pause) }
      round &+= 1
      prize.value = UInt64(round)
      moment.value = Time.now
      call.set(round)
      guard wait(arena.word(1), while: round &- 1, isIdle: true) else { break }
      wakeUp(since: arena.cell(1, 0).value, done: 1)
    }
    leave()
  }

  /// Events through pipes, which all consumers watch with epoll; each wakes one of them.
  mutating func epollEvents(producers: Int, pause: UInt64) -> Never {
    guard number >= producers else {
      awaitStart()
      let end = group.pipes[2 * number + 1]
      while !shallStop {
        if pause > 0 { sleep(pause) }
        // A full pipe takes no more until a consumer was there.
        if write(Time.now, end) { checkpoint(1) } else { sleep(Time.millisecond) }
      }
      leave()
    }
    let epoll = guest_epoll()
    guard epoll >= 0 else { leave(.descriptors, -epoll) }
    for producer in 0..<producers {
      let result = guest_epoll_add(epoll, group.pipes[2 * producer], UInt32(producer))
      guard result >= 0 else { leave(.descriptors, -result) }
    }
    awaitStart()
    while !shallStop {
      beginIdle()
      let producer = guest_epoll_wait(epoll, 50)
      // Nobody, or another consumer was faster.
      guard producer >= 0, Int(producer) < producers,
        let moment = read(group.pipes[2 * Int(producer)])
      else { continue }
      wakeUp(since: moment, done: 1)
    }
    leave()
  }

  /// Each sends signals to the next; a handler counts them.
  mutating func signalStorm(pause: UInt64) -> Never {
    guest_count_signals()
    awaitStart()
    // A thread of its own process, or the only one of another.
    let thread = thread(ofWorker: (number + 1) % Int(spec.groupSize))
    let process = spec.isThread ? guest_pid() : thread
    var handled: UInt64 = 0
    while !shallStop {
      let result = guest_signal_thread(process, thread)
      // ESRCH: it has stopped already.
      if result < 0 && result != -3 { leave(.signal, -result) }
      let now = guest_signals_handled()
      count(now &- handled)
      handled = now
      checkpoint(1)
      if pause > 0 { sleep(pause) }
    }
    leave()
  }

  // MARK: Words with the moment at which they were sent

  /// Stores the moment beside a word, sets it, and wakes who waits for it.
  func send(_ value: UInt32, to line: Int) {
    arena.cell(line, 0).value = Time.now
    arena.word(line).setForOne(value)
  }

  /// Notes that what was sent has arrived.
  ///
  /// The time until it was sent counts as a gap: the partner has nothing else to do.
  mutating func received(on line: Int, done: UInt64) {
    let moment = arena.cell(line, 0).value
    checkpoint(done)
    recordWake(since: moment)
  }

  func write(_ moment: UInt64, _ descriptor: Int32) -> Bool {
    var moment = moment
    return unsafe guest_write(descriptor, &moment, 8) == 8
  }

  func read(_ descriptor: Int32) -> UInt64? {
    var moment: UInt64 = 0
    return unsafe guest_read(descriptor, &moment, 8) == 8 ? moment : nil
  }
}
