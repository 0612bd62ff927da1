import CLinux
import HostOS
import SystemPackage

/// A virtual machine.
///
/// Everything it does is safe from any thread: the kernel has its own locks.
package struct KVMVirtualMachine: ~Copyable, Sendable {
  let descriptor: OwnedDescriptor
  private let runSize: Int

  init(descriptor: consuming OwnedDescriptor, runSize: Int) {
    self.descriptor = descriptor
    self.runSize = runSize
  }

  /// The descriptor's number, for a sandbox that lists what may be used; valid as long as this is.
  package var raw: CInt { descriptor.raw }

  /// Another handle of the same machine, which is closed with the last of them.
  ///
  /// - Throws: ``KVMError`` from `fcntl`.
  package func duplicate() throws(KVMError) -> KVMVirtualMachine {
    do throws(SystemCallError) {
      return KVMVirtualMachine(descriptor: try descriptor.duplicate(), runSize: runSize)
    } catch {
      throw KVMError("fcntl", error.errno)
    }
  }

  /// What the kernel says of a capability for this VM.
  ///
  /// - Throws: ``KVMError`` from `KVM_CHECK_EXTENSION`.
  package func value(of capability: KVMCapability) throws(KVMError) -> Int {
    try descriptor.value(of: capability)
  }

  /// Makes a virtual CPU; its number in KVM is its APIC id.
  ///
  /// After the interrupt controllers, or it gets no local APIC.
  ///
  /// - Throws: ``KVMError``: `EEXIST` for an id taken, `EINVAL` for one too high, or of `mmap`.
  package func makeVCPU(apicID: UInt32) throws(KVMError) -> KVMVirtualCPU {
    let vcpu = OwnedDescriptor(
      owning: try KVMRequest.createVCPU(descriptor.raw, value: UInt(apicID), apicID: apicID))
    let stateSize = max(try value(of: .xsave2), 4096)
    return try KVMVirtualCPU(
      descriptor: vcpu, apicID: apicID, runSize: runSize, extendedStateSize: stateSize)
  }

  /// Says which vCPU is the boot processor, by APIC id; before the first vCPU, and 0 otherwise.
  ///
  /// - Throws: ``KVMError``: `EBUSY` once there is a vCPU.
  package func setBootCPU(apicID: UInt32) throws(KVMError) {
    try KVMRequest.setBootCPU(descriptor.raw, value: UInt(apicID), about: .value(UInt64(apicID)))
  }

  /// Where Intel's processors keep three pages for guests in real mode: below 4 GiB, no RAM there.
  ///
  /// - Throws: ``KVMError`` from `KVM_SET_TSS_ADDR`.
  package func setTSSAddress(_ address: UInt32) throws(KVMError) {
    try KVMRequest.setTSSAddress(
      descriptor.raw, value: UInt(address), about: .address(UInt64(address)))
  }

  /// Where Intel's processors keep a page table for guests without paging: one page below 4 GiB.
  ///
  /// - Throws: ``KVMError``: `EINVAL` once there is a vCPU.
  package func setIdentityMapAddress(_ address: UInt64) throws(KVMError) {
    var word = address
    try KVMRequest.setIdentityMap(descriptor.raw, &word, about: .address(address))
  }

  /// For how long a host's CPU waits for a halted vCPU before it gives itself to others.
  ///
  /// - Throws: ``KVMError``: `EINVAL` where the kernel has no such setting.
  package func setHaltPoll(nanoseconds: UInt32) throws(KVMError) {
    try enable(.haltPoll, UInt64(nanoseconds))
  }

  /// Lets these instructions of the guest run without an exit; before the first vCPU.
  ///
  /// - Throws: ``KVMError``: `EINVAL` where the host cannot.
  package func disableExits(_ exits: DisabledExits) throws(KVMError) {
    try enable(.disabledExits, UInt64(exits.rawValue))
  }

  /// `KVM_ENABLE_CAP` with one argument.
  func enable(_ capability: KVMCapability, _ argument: UInt64) throws(KVMError) {
    var request = kvm_enable_cap()
    request.cap = UInt32(capability.number)
    request.args.0 = argument
    try KVMRequest.enableCapability(
      descriptor.raw, &request, about: .capability(capability))
  }
}
