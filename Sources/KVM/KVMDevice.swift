import CLinux
import Glibc
package import HostOS
import SystemPackage

/// `/dev/kvm`, opened.
package struct KVMDevice: ~Copyable {
  /// Path of the device.
  package static let path = "/dev/kvm"

  private let descriptor: OwnedDescriptor

  /// Opens the device.
  ///
  /// - Throws: ``SystemCallError``: `ENOENT` without the module, `EACCES` without permission.
  package init() throws(SystemCallError) {
    descriptor = OwnedDescriptor(
      owning: try systemCall("open", on: Self.path) { unsafe open(Self.path, O_RDWR | O_CLOEXEC) })
  }

  /// The API version; every kernel since 2.6.22 says 12 (Documentation/virt/kvm/api.rst 4.1).
  ///
  /// - Throws: ``SystemCallError`` from `KVM_GET_API_VERSION`.
  package func apiVersion() throws(SystemCallError) -> CInt {
    let raw = descriptor.raw
    return try systemCall("KVM_GET_API_VERSION", on: Self.path) {
      ktstr_ioctl_value(raw, KTSTR_KVM_GET_API_VERSION, 0)
    }
  }

  /// Makes a virtual machine without memory and CPUs.
  ///
  /// - Throws: ``SystemCallError`` from `KVM_CREATE_VM` or `KVM_GET_VCPU_MMAP_SIZE`.
  package func makeVirtualMachine() throws(SystemCallError) -> KVMVirtualMachine {
    let raw = descriptor.raw
    let vm = OwnedDescriptor(
      owning: try systemCall("KVM_CREATE_VM", on: Self.path) {
        ktstr_ioctl_value(raw, KTSTR_KVM_CREATE_VM, 0)
      })
    let size = try systemCall("KVM_GET_VCPU_MMAP_SIZE", on: Self.path) {
      ktstr_ioctl_value(raw, KTSTR_KVM_GET_VCPU_MMAP_SIZE, 0)
    }
    return KVMVirtualMachine(descriptor: vm, runSize: Int(size))
  }
}

/// A virtual machine.
package struct KVMVirtualMachine: ~Copyable {
  private let descriptor: OwnedDescriptor
  private let runSize: Int

  init(descriptor: consuming OwnedDescriptor, runSize: Int) {
    self.descriptor = descriptor
    self.runSize = runSize
  }

  /// Gives the guest memory at a physical address.
  ///
  /// - Parameter memory: must stay mapped as long as the machine lives; page-aligned.
  /// - Throws: ``SystemCallError`` from `KVM_SET_USER_MEMORY_REGION`.
  @unsafe
  package func setMemory(
    slot: UInt32, guestAddress: UInt64, memory: UnsafeMutableRawBufferPointer
  ) throws(SystemCallError) {
    var region = kvm_userspace_memory_region(
      slot: slot, flags: 0, guest_phys_addr: guestAddress, memory_size: UInt64(memory.count),
      userspace_addr: UInt64(UInt(bitPattern: memory.baseAddress)))
    let raw = descriptor.raw
    try systemCall("KVM_SET_USER_MEMORY_REGION") {
      unsafe ktstr_ioctl_pointer(raw, KTSTR_KVM_SET_USER_MEMORY_REGION, &region)
    }
  }

  /// Makes a virtual CPU.
  ///
  /// - Throws: ``SystemCallError`` from `KVM_CREATE_VCPU` or `mmap`.
  package func makeVirtualCPU(id: UInt32) throws(SystemCallError) -> KVMVirtualCPU {
    let raw = descriptor.raw
    let vcpu = OwnedDescriptor(
      owning: try systemCall("KVM_CREATE_VCPU") {
        ktstr_ioctl_value(raw, KTSTR_KVM_CREATE_VCPU, UInt(id))
      })
    return try KVMVirtualCPU(descriptor: vcpu, runSize: runSize)
  }
}
