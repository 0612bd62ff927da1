import CLinux
import HostOS
import SystemPackage

/// How a memory slot is watched and kept.
package struct MemorySlotFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Writes are noted page by page: `KVM_MEM_LOG_DIRTY_PAGES`.
  package static let logDirtyPages = MemorySlotFlags(rawValue: UInt32(KVM_MEM_LOG_DIRTY_PAGES))
  /// Writes exit as MMIO: `KVM_MEM_READONLY`.
  package static let readOnly = MemorySlotFlags(rawValue: UInt32(KVM_MEM_READONLY))
}

extension KVMVirtualMachine {
  /// Bytes of a page of guest memory.
  package static var pageSize: Int { 4096 }

  /// Gives the guest memory at a physical address, or changes a slot's flags.
  ///
  /// - Parameter memory: must stay mapped as long as the VM lives or until the slot is removed; the
  ///   VM is closed before it is unmapped.
  /// - Throws: ``KVMError`` with the slot: `EINVAL` when something is not a multiple of a page or the
  ///   slot had another size, `EEXIST` when the addresses are those of another slot.
  @unsafe
  package func setMemory(
    slot: UInt32, guestAddress: UInt64, memory: UnsafeMutableRawBufferPointer,
    flags: MemorySlotFlags = []
  ) throws(KVMError) {
    try set(
      kvm_userspace_memory_region(
        slot: slot, flags: flags.rawValue, guest_phys_addr: guestAddress,
        memory_size: UInt64(memory.count),
        userspace_addr: UInt64(UInt(bitPattern: memory.baseAddress))))
  }

  /// Takes a slot's memory away from the guest; its addresses are then MMIO.
  ///
  /// - Throws: ``KVMError``: `EINVAL` when the slot is empty.
  package func removeMemory(slot: UInt32) throws(KVMError) {
    try set(
      kvm_userspace_memory_region(
        slot: slot, flags: 0, guest_phys_addr: 0, memory_size: 0, userspace_addr: 0))
  }

  private func set(_ region: kvm_userspace_memory_region) throws(KVMError) {
    var region = region
    try KVMRequest.setMemory(
      descriptor.raw, &region,
      about: .slot(region.slot, guestAddress: region.guest_phys_addr, size: region.memory_size))
  }

  /// Which pages of a slot the guest has written since the last call: page n is bit n % 64 of n / 64.
  ///
  /// Only what went through vCPUs: writes by this process leave no mark.
  ///
  /// - Parameter byteCount: the size of the slot; with less, the kernel would write past the log.
  /// - Throws: ``KVMError``: `ENOENT` when the slot is empty or does not log.
  @unsafe
  package func takeDirtyLog(slot: UInt32, byteCount: Int) throws(KVMError) -> [UInt64] {
    let pages = (byteCount + Self.pageSize - 1) / Self.pageSize
    var words = [UInt64](repeating: 0, count: (pages + 63) / 64)
    let descriptor = descriptor.raw
    let result = unsafe words.withUnsafeMutableBufferPointer { words in
      var log = unsafe kvm_dirty_log()
      unsafe log.slot = slot
      unsafe log.dirty_bitmap = UnsafeMutableRawPointer(words.baseAddress)
      return unsafe ktstr_ioctl_pointer(descriptor, KVMRequest.getDirtyLog.number, &log)
    }
    guard result >= 0 else {
      throw KVMRequest.getDirtyLog.error(
        -result, nil, .slot(slot, guestAddress: 0, size: UInt64(byteCount)))
    }
    return words
  }
}
