import CLinux
import Glibc
package import HostOS
import SystemPackage

/// A virtual CPU and the page it shares with the kernel (`struct kvm_run`).
@safe package struct KVMVirtualCPU: ~Copyable {
  private let descriptor: OwnedDescriptor
  private let run: UnsafeMutablePointer<kvm_run>
  private let runSize: Int

  init(descriptor: consuming OwnedDescriptor, runSize: Int) throws(SystemCallError) {
    let raw = descriptor.raw
    let size = max(runSize, MemoryLayout<kvm_run>.size)
    let address = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, raw, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw SystemCallError("mmap", Errno(rawValue: Glibc.errno), subject: "struct kvm_run")
    }
    // The kernel maps its own struct kvm_run at offset 0 (api.rst 4.10); `size` covers the type.
    unsafe self.run = address.bindMemory(to: kvm_run.self, capacity: 1)
    self.runSize = size
    self.descriptor = descriptor
  }

  deinit {
    unsafe munmap(run, runSize)
  }

  /// Puts the CPU into real mode with flat segments at 0, about to execute at `address`.
  ///
  /// - Throws: ``SystemCallError`` from `KVM_GET_SREGS`, `KVM_SET_SREGS` or `KVM_SET_REGS`.
  package func enterRealMode(at address: UInt16) throws(SystemCallError) {
    let raw = descriptor.raw
    var segments = kvm_sregs()
    try systemCall("KVM_GET_SREGS") {
      unsafe ktstr_ioctl_pointer(raw, KTSTR_KVM_GET_SREGS, &segments)
    }
    segments.cs.base = 0
    segments.cs.selector = 0
    try systemCall("KVM_SET_SREGS") {
      unsafe ktstr_ioctl_pointer(raw, KTSTR_KVM_SET_SREGS, &segments)
    }
    var registers = kvm_regs()
    registers.rip = UInt64(address)
    // Bit 1 of RFLAGS is always set (Intel SDM vol. 1, 3.4.3).
    registers.rflags = 2
    try systemCall("KVM_SET_REGS") {
      unsafe ktstr_ioctl_pointer(raw, KTSTR_KVM_SET_REGS, &registers)
    }
  }

  /// Runs until the guest needs us; the exit reason (`KVM_EXIT_...`).
  ///
  /// - Throws: ``SystemCallError`` from `KVM_RUN`.
  package func runUntilExit() throws(SystemCallError) -> UInt32 {
    let raw = descriptor.raw
    try systemCall("KVM_RUN") { ktstr_ioctl_value(raw, KTSTR_KVM_RUN, 0) }
    return unsafe run.pointee.exit_reason
  }
}
