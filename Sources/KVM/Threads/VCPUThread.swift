import HostOS
import Synchronization

/// A vCPU with the thread that runs it.
///
/// It starts parked. What others ask of it is bounded: the thread is kicked out of the guest (first
/// `immediate_exit`, then a signal, again every few milliseconds) until it answers or the time is
/// over. Whenever it is parked nothing of the guest is half done: each access that the guest has
/// begun was answered and has taken effect.
package final class VCPUThread: Sendable {
  /// How often a thread is kicked that has not answered; the first kick is enough as a rule.
  private static let kickInterval: UInt64 = 10_000_000

  private let control: VCPUControl
  private let thread: Mutex<HostThread>
  private let signal: CInt

  /// What goes over to the thread, and is gone from here then.
  private struct Cargo: ~Copyable, Sendable {
    var vcpu: KVMVirtualCPU
    let handler: any VCPUExitHandler
  }

  private final class Box: Sendable {
    let cargo: Mutex<Cargo?>

    init(_ cargo: consuming Cargo) {
      self.cargo = Mutex(cargo)
    }
  }

  /// Makes the thread of a vCPU, parked.
  ///
  /// The thread keeps the handler until it ends: stop it before the handler's owner can go.
  ///
  /// - Parameters:
  ///   - name: of the thread; the kernel keeps 15 bytes.
  ///   - cpus: the host's CPUs that it may run on; empty for any.
  ///   - priority: its real-time priority, 1 to 99, if it is to have one.
  ///   - prepare: runs first on the thread, which ends at once where it returns false.
  /// - Throws: ``VCPUError/system(_:)`` when the thread cannot be made, pinned or given its priority.
  package init(
    _ vcpu: consuming KVMVirtualCPU, name: String, handler: any VCPUExitHandler,
    pinnedTo cpus: [UInt32] = [], realTimePriority priority: CInt? = nil,
    prepare: @escaping @Sendable () -> Bool = { true }
  ) throws(VCPUError) {
    let control = VCPUControl(apicID: vcpu.apicID, kicker: vcpu.kicker)
    let signal = try VCPUError.wrapping(KickSignal.prepare)
    let box = Box(Cargo(vcpu: vcpu, handler: handler))
    let thread = try VCPUThread.start(
      box, control, name: name, signal: signal, prepare: prepare)
    do throws(SystemCallError) {
      if !cpus.isEmpty { try thread.pin(to: cpus) }
      if let priority { try thread.setRealTime(priority: priority) }
    } catch {
      control.ask(for: .end)
      throw .system(error)
    }
    self.control = control
    self.signal = signal
    self.thread = Mutex(thread)
  }

  private static func start(
    _ box: Box, _ control: VCPUControl, name: String, signal: CInt,
    prepare: @escaping @Sendable () -> Bool
  ) throws(VCPUError) -> HostThread {
    do throws(SystemCallError) {
      return try HostThread(name: name, accepting: signal) {
        if prepare() { run(box, control) }
        control.finish()
      }
    } catch {
      throw .system(error)
    }
  }

  private static func run(_ box: Box, _ control: VCPUControl) {
    guard var cargo = box.cargo.withLock({ $0.take() }) else { return }
    control.serve(&cargo.vcpu, cargo.handler)
  }

  deinit {
    try? stop(withinMilliseconds: 1000)
  }

  /// The number of the vCPU and of its local APIC.
  package var apicID: UInt32 { control.apicID }

  /// Its exits so far; from any thread, at any time.
  package var exitCounts: ExitCounts { control.statistics.counts() }

  /// Whether it stays out of the guest because its handler said so, or `KVM_RUN` was refused.
  package var isHeld: Bool { control.state.withLock(\.isHeld) }

  /// Has it enter the guest, unless it is held.
  package func resume() {
    control.ask(for: .run)
  }

  /// Has it leave the guest and stay out; nothing is half done then.
  ///
  /// - Throws: ``VCPUError/unanswered(apicID:request:milliseconds:)``, ``VCPUError/ended(apicID:)``.
  package func pause(withinMilliseconds limit: UInt64) throws(VCPUError) {
    requestPause()
    try awaitPause(Deadline(milliseconds: limit))
  }

  /// Closes the vCPU and ends its thread, from whatever it is doing.
  ///
  /// - Throws: ``VCPUError/unanswered(apicID:request:milliseconds:)``.
  package func stop(withinMilliseconds limit: UInt64) throws(VCPUError) {
    requestStop()
    try awaitStop(Deadline(milliseconds: limit))
  }

  /// Makes calls on the vCPU, on its own thread, whether it is parked or in the guest.
  ///
  /// A guest that was running runs on afterwards. Not to be called from a handler.
  ///
  /// - Throws: ``VCPUError/kvm(_:)`` of the calls, ``VCPUError/unanswered(apicID:request:milliseconds:)``
  ///   when they were not begun or not done in time, ``VCPUError/ended(apicID:)``.
  package func perform<Result: Sendable>(
    withinMilliseconds limit: UInt64,
    _ body: @escaping @Sendable (inout KVMVirtualCPU) throws(KVMError) -> Result
  ) throws(VCPUError) -> Result {
    let answer = Answer<Result>()
    let number = control.add { vcpu in
      do throws(KVMError) {
        let result = try body(&vcpu)
        answer.value.withLock { $0 = .success(result) }
      } catch {
        answer.value.withLock { $0 = .failure(error) }
      }
    }
    do throws(VCPUError) {
      try expect(.answer, Deadline(milliseconds: limit)) { _ in
        answer.value.withLock { $0 != nil }
      }
    } catch {
      control.cancel(number)
      throw error
    }
    switch answer.value.withLock({ $0 }) {
    case .success(let result): return result
    case .failure(let error): throw .kvm(error)
    case nil: throw .ended(apicID: apicID)
    }
  }

  private final class Answer<Success: Sendable>: Sendable {
    let value = Mutex<Result<Success, KVMError>?>(nil)
  }
}

/// The two halves of pausing and stopping, so that many vCPUs do it at the same time.
extension VCPUThread {
  /// A time by which something has to happen, and how long that was at first.
  struct Deadline {
    let milliseconds: UInt64
    let time: MonotonicTime

    init(milliseconds: UInt64) {
      self.milliseconds = milliseconds
      let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
      time = .now().advanced(byNanoseconds: overflow ? .max : nanoseconds)
    }
  }

  func requestPause() {
    control.ask(for: .park)
    kick()
  }

  func awaitPause(_ deadline: Deadline) throws(VCPUError) {
    try expect(.pause, deadline) { $0.phase == .parked }
  }

  func requestStop() {
    control.ask(for: .end)
    kick()
  }

  func awaitStop(_ deadline: Deadline) throws(VCPUError) {
    try expect(.stop, deadline) { $0.phase == .ended }
    let hasEnded = thread.withLock { $0.join(until: deadline.time) }
    guard hasEnded else {
      throw .unanswered(apicID: apicID, request: .stop, milliseconds: deadline.milliseconds)
    }
  }

  /// Makes the thread look at what it is asked for: first the flag, then the signal, so that it
  /// matters not whether it is about to enter the guest or in it.
  private func kick() {
    control.kicker.kick()
    thread.withLock { $0.signal(signal) }
  }

  /// Kicks until something holds of the shared state.
  private func expect(
    _ request: VCPURequest, _ deadline: Deadline, _ holds: (VCPUControl.State) -> Bool
  ) throws(VCPUError) {
    while true {
      let seen = control.answered.value
      let (isDone, hasEnded) = control.state.withLock { (holds($0), $0.phase == .ended) }
      if isDone { return }
      if hasEnded { throw .ended(apicID: apicID) }
      let now = MonotonicTime.now()
      guard now < deadline.time else {
        throw .unanswered(apicID: apicID, request: request, milliseconds: deadline.milliseconds)
      }
      kick()
      let next = now.advanced(byNanoseconds: Self.kickInterval)
      control.answered.wait(past: seen, until: min(deadline.time, next))
    }
  }
}
