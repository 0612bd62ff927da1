import Glibc

/// Runs code one machine instruction at a time on the calling thread, and looks at memory, or
/// changes it, between any two of them.
///
/// The trap flag makes the CPU raise SIGTRAP after each instruction. The handler copies the watched
/// bytes whenever they have changed, and stores the planned bytes once, after a given instruction.
/// So a test sees every state that a process killed at any moment would leave behind, or puts
/// another processor's move in every place where it can fall.
enum InstructionSteps {
  /// One store that another party makes in between.
  struct Move {
    var target: UnsafeMutableRawPointer
    var value: UInt16
  }

  /// What was seen.
  struct Trace {
    /// Instructions in all.
    var count: Int
    /// The watched bytes as they were at first, and after each change.
    var states: [[UInt8]]
  }

  /// Whether the handler may run between any two instructions: the thread sanitizer's own code can
  /// not be interrupted so.
  static let isPossible = dlsym(nil, "__tsan_init") == nil

  /// What the handler works on; plain memory, since it runs in the middle of anything.
  private struct State {
    var isActive = false
    var stop = false
    var step = 0
    var watched: UnsafeRawPointer?
    var watchedCount = 0
    var log: UnsafeMutablePointer<UInt8>?
    var logged = 0
    var logCapacity = 0
    var moveStep = -1
    var moves: UnsafeMutablePointer<Move>?
    var moveCount = 0
    /// Two bytes of which a copy is made right after the moves.
    var sample: UnsafePointer<UInt16>?
    var sampled: UInt16 = 0
  }

  // One stepper at a time; the suites that use it are serialized and take this lock besides.
  nonisolated(unsafe) private static let state: UnsafeMutablePointer<State> = {
    let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
    state.initialize(to: State())
    return state
  }()
  nonisolated(unsafe) private static let mutex: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
  }()

  /// Runs the body and keeps each state of `count` bytes that differs from the one before.
  static func watch(
    _ start: UnsafeRawPointer, count: Int, limit: Int = 4096, _ body: () throws -> Void
  ) rethrows -> Trace {
    let log = UnsafeMutablePointer<UInt8>.allocate(capacity: count * limit)
    defer { log.deallocate() }
    log.update(from: start.assumingMemoryBound(to: UInt8.self), count: count)
    var new = State()
    new.watched = start
    new.watchedCount = count
    new.log = log
    new.logged = 1
    new.logCapacity = limit
    let end = try run(new, body)
    precondition(end.logged <= limit, "more states than were allowed for")
    return Trace(
      count: end.step,
      states: (0..<end.logged).map {
        Array(UnsafeBufferPointer(start: log + $0 * count, count: count))
      })
  }

  /// Runs the body, with moves of another party after its instruction number `step`; nil when it
  /// ended before, and otherwise the two bytes at `sample` as they were right after the moves.
  static func interfere(
    at step: Int, _ moves: [Move], sampling sample: UnsafePointer<UInt16>,
    _ body: () throws -> Void
  ) rethrows -> UInt16? {
    var copy = moves
    return try copy.withUnsafeMutableBufferPointer { buffer in
      var new = State()
      new.moveStep = step
      new.moves = buffer.baseAddress
      new.moveCount = buffer.count
      new.sample = sample
      let end = try run(new, body)
      return end.step > step ? end.sampled : nil
    }
  }

  private static func run(_ new: State, _ body: () throws -> Void) rethrows -> State {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    state.pointee = new
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = handler
    action.sa_flags = SA_SIGINFO
    var old = sigaction()
    sigaction(SIGTRAP, &action, &old)
    defer { sigaction(SIGTRAP, &old, nil) }
    state.pointee.isActive = true
    raise(SIGTRAP)
    defer { state.pointee.isActive = false }
    do {
      defer { stop() }
      try body()
    }
    return state.pointee
  }

  // The next trap after the store ends the stepping.
  @inline(never)
  private static func stop() {
    state.pointee.stop = true
  }

  private static let handler:
    @convention(c) (CInt, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = {
      _, _, context in
      guard let context else { return }
      let state = InstructionSteps.state
      // uc_flags, uc_link and uc_stack come first: 40 bytes; then the registers, of which EFLAGS is
      // number 17 (x86-64, sys/ucontext.h).
      let flags = (context + 40 + 17 * 8).assumingMemoryBound(to: UInt64.self)
      guard state.pointee.isActive, !state.pointee.stop else {
        flags.pointee &= ~0x100
        return
      }
      flags.pointee |= 0x100
      InstructionSteps.look(state)
    }

  private static func look(_ state: UnsafeMutablePointer<State>) {
    if let watched = state.pointee.watched, let log = state.pointee.log {
      let count = state.pointee.watchedCount
      let last = log + (state.pointee.logged - 1) * count
      if memcmp(watched, last, count) != 0 {
        if state.pointee.logged < state.pointee.logCapacity {
          memcpy(last + count, watched, count)
        }
        state.pointee.logged += 1
      }
    }
    if state.pointee.step == state.pointee.moveStep, let moves = state.pointee.moves {
      var index = 0
      while index < state.pointee.moveCount {
        moves[index].target.storeBytes(of: moves[index].value, as: UInt16.self)
        index += 1
      }
      if let sample = state.pointee.sample { state.pointee.sampled = sample.pointee }
    }
    state.pointee.step += 1
  }
}
