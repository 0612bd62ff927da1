import Synchronization

/// A machine with all its vCPUs: resumed, paused and stopped together.
///
/// The guest's clock (kvmclock) stands still while the group is paused, and the guest is told, so that
/// its watchdogs do not take the pause for a lockup.
///
/// The group owns the order of the end: each thread closes its vCPU, then the machine is closed, then
/// the guest's memory goes.
package final class VCPUGroup: Sendable {
  /// The threads, in the order they were given.
  package let threads: [VCPUThread]
  /// The machine; what it does is safe from any thread.
  package let machine: KVMVirtualMachine
  // Destroyed in this order.
  private let memory: any AnyObject & Sendable
  private let clock = Mutex<KVMClock?>(nil)

  /// Takes over a machine and its vCPUs, which are parked until ``resume(withinMilliseconds:)``.
  ///
  /// - Parameter memory: whoever keeps the guest's memory mapped.
  package init(
    _ machine: consuming KVMVirtualMachine, _ threads: [VCPUThread],
    memory: any AnyObject & Sendable
  ) {
    self.machine = machine
    self.threads = threads
    self.memory = memory
  }

  /// Has all vCPUs leave the guest and stay out, then notes the guest's clock.
  ///
  /// After an error some are parked and others not; resume or stop the group then. Not to be called
  /// from a handler.
  ///
  /// - Throws: ``VCPUError/unanswered(apicID:request:milliseconds:)`` with the first vCPU that was too
  ///   slow, ``VCPUError/kvm(_:)`` from `KVM_GET_CLOCK`.
  package func pause(withinMilliseconds limit: UInt64) throws(VCPUError) {
    let deadline = VCPUThread.Deadline(milliseconds: limit)
    for thread in threads { thread.requestPause() }
    for thread in threads { try thread.awaitPause(deadline) }
    let now = try VCPUError.wrapping { () throws(KVMError) in try machine.clock() }
    // A second pause finds the clock further on, but the guest has seen none of that.
    clock.withLock { $0 = $0 ?? now }
  }

  /// Sets the guest's clock to where the pause found it, and has all vCPUs go on.
  ///
  /// The first time, without a pause before it, starts them.
  ///
  /// - Parameter limit: for a vCPU to be told of the pause.
  /// - Throws: ``VCPUError``; all vCPUs are parked then.
  package func resume(withinMilliseconds limit: UInt64) throws(VCPUError) {
    if let paused = clock.withLock({ $0 }) {
      for thread in threads {
        _ = try thread.perform(withinMilliseconds: limit) { vcpu throws(KVMError) in
          try vcpu.markClockPaused()
        }
      }
      try VCPUError.wrapping { () throws(KVMError) in
        try machine.setClock(nanoseconds: paused.nanoseconds)
      }
      clock.withLock { $0 = nil }
    }
    for thread in threads { thread.resume() }
  }

  /// Closes all vCPUs and ends their threads, whatever they are doing; all of them, errors or not.
  ///
  /// - Throws: ``VCPUError/unanswered(apicID:request:milliseconds:)`` with the first that was too slow.
  package func stop(withinMilliseconds limit: UInt64) throws(VCPUError) {
    let deadline = VCPUThread.Deadline(milliseconds: limit)
    for thread in threads { thread.requestStop() }
    var failure: VCPUError?
    for thread in threads {
      do throws(VCPUError) {
        try thread.awaitStop(deadline)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }
}
