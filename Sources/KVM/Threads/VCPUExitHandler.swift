/// Whether a vCPU goes back into the guest.
package enum VCPUDirective: Hashable, Sendable {
  /// It does.
  case resume
  /// It does not: it stays parked, for others to read its registers, until its thread is stopped.
  case hold
}

/// Answers the exits of vCPUs, each call on the thread of the vCPU.
package protocol VCPUExitHandler: AnyObject, Sendable {
  /// Answers an exit of any kind but ``VCPUExit/interrupted``.
  ///
  /// The next exit of that vCPU waits for the answer. Calls that pause or stop vCPUs wait for this
  /// one, so they must not be made in it.
  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective

  /// Says that `KVM_RUN` was refused; the vCPU is then held as by ``VCPUDirective/hold``.
  func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU)
}
