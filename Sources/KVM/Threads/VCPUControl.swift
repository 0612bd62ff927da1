import HostOS
import Synchronization

/// What a vCPU's thread and those who ask things of it share.
final class VCPUControl: Sendable {
  /// A call to be made on the vCPU's thread.
  struct Job: Sendable {
    let number: UInt64
    let body: @Sendable (inout KVMVirtualCPU) -> Void
  }

  enum Wish {
    case run, park, end
  }

  enum Phase {
    case running, parked, ended
  }

  struct State {
    var wish = Wish.park
    var phase = Phase.parked
    /// The handler wants no more of the guest.
    var isHeld = false
    var jobs: [Job] = []
    var nextJob: UInt64 = 0
  }

  let apicID: UInt32
  let kicker: VCPUKicker
  let statistics = ExitStatistics()
  let state = Mutex(State())
  /// Advanced when there is something to do for a thread that is parked.
  let wake = WaitableCounter()
  /// Advanced when a job is done or the phase has changed.
  let answered = WaitableCounter()

  init(apicID: UInt32, kicker: VCPUKicker) {
    self.apicID = apicID
    self.kicker = kicker
  }
}

/// The others' side.
extension VCPUControl {
  /// Says what the vCPU is to do from now on; a thread that is in the guest needs a kick as well.
  ///
  /// An end stays one.
  func ask(for wish: Wish) {
    state.withLock { state in
      if state.wish != .end { state.wish = wish }
    }
    wake.advance()
  }

  /// Has a job done by the thread; its number.
  func add(_ body: @escaping @Sendable (inout KVMVirtualCPU) -> Void) -> UInt64 {
    let number = state.withLock { state in
      state.nextJob += 1
      state.jobs.append(Job(number: state.nextJob, body: body))
      return state.nextJob
    }
    wake.advance()
    return number
  }

  /// Takes a job back that was not begun.
  func cancel(_ number: UInt64) {
    state.withLock { $0.jobs.removeAll { $0.number == number } }
  }
}

/// The thread's side.
extension VCPUControl {
  private enum Step {
    case job(Job), run, wait, end
  }

  /// Runs the vCPU as it is wished, until the end is.
  func serve(_ vcpu: inout KVMVirtualCPU, _ handler: any VCPUExitHandler) {
    while attend(&vcpu) {
      runGuest(&vcpu, handler)
    }
  }

  /// Says that the vCPU is closed.
  func finish() {
    state.withLock { $0.phase = .ended }
    answered.advance()
  }

  /// Does what others ask for; false when that is the end, true when it is the guest's turn.
  private func attend(_ vcpu: inout KVMVirtualCPU) -> Bool {
    // First the kick, then its reason: a wish that comes after this look has its kick still ahead.
    vcpu.clearKick()
    while true {
      let seen = wake.value
      switch nextStep() {
      case .job(let job):
        job.body(&vcpu)
        answered.advance()
      case .run: return true
      case .end: return false
      case .wait:
        answered.advance()
        // Bounded only so that nothing here waits for ever; a wish wakes it.
        wake.wait(past: seen, until: .now().advanced(byNanoseconds: 1_000_000_000))
      }
    }
  }

  private func nextStep() -> Step {
    state.withLock { state in
      if !state.jobs.isEmpty { return .job(state.jobs.removeFirst()) }
      switch state.wish {
      case .end: return .end
      case .run where !state.isHeld:
        state.phase = .running
        return .run
      case .run, .park:
        state.phase = .parked
        return .wait
      }
    }
  }

  /// Runs the guest until it was kicked, or cannot go on.
  private func runGuest(_ vcpu: inout KVMVirtualCPU, _ handler: any VCPUExitHandler) {
    do throws(KVMError) {
      while true {
        let exit = try vcpu.run()
        statistics.record(exit)
        if exit == .interrupted { return }
        if handler.handle(exit, of: &vcpu) == .hold {
          hold()
          // One more entry retires what the handler has answered, and returns as interrupted.
          vcpu.kicker.kick()
        }
      }
    } catch {
      handler.failed(error, of: &vcpu)
      hold()
    }
  }

  private func hold() {
    state.withLock { $0.isHeld = true }
  }
}
