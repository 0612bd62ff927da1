import CLinux
import Glibc
import HostOS
import SystemPackage

/// What `CPUID` says for one leaf, or one subleaf of it.
package struct CPUIDEntry: Hashable, Sendable, Codable {
  /// The leaf: EAX on entry.
  package var function: UInt32
  /// The subleaf: ECX on entry, if ``flags`` say that it matters.
  package var index: UInt32
  /// `KVM_CPUID_FLAG_...`: 1 when the subleaf matters.
  package var flags: UInt32
  package var eax: UInt32
  package var ebx: UInt32
  package var ecx: UInt32
  package var edx: UInt32

  /// The flag of leaves whose subleaf matters: `KVM_CPUID_FLAG_SIGNIFCANT_INDEX`.
  package static let significantIndex: UInt32 = 1

  /// An entry.
  package init(
    function: UInt32, index: UInt32 = 0, flags: UInt32 = 0,
    eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
  ) {
    self.function = function
    self.index = index
    self.flags = flags
    self.eax = eax
    self.ebx = ebx
    self.ecx = ecx
    self.edx = edx
  }

  init(_ raw: kvm_cpuid_entry2) {
    self.init(
      function: raw.function, index: raw.index, flags: raw.flags,
      eax: raw.eax, ebx: raw.ebx, ecx: raw.ecx, edx: raw.edx)
  }

  var raw: kvm_cpuid_entry2 {
    kvm_cpuid_entry2(
      function: function, index: index, flags: flags, eax: eax, ebx: ebx, ecx: ecx, edx: edx,
      padding: (0, 0, 0))
  }
}

/// Reads a CPUID list whose length only the kernel knows.
private func readCPUID(
  _ request: KVMRequest, _ descriptor: CInt, apicID: UInt32?
) throws(KVMError) -> [CPUIDEntry] {
  var capacity = 64
  while true {
    let empty: [kvm_cpuid_entry2] = []
    let result = unsafe CountedArray.with(empty, count: capacity) { _, list in
      unsafe ktstr_ioctl_pointer(descriptor, request.number, list)
    }
    if result.code >= 0 { return result.entries.map(CPUIDEntry.init) }
    guard -result.code == E2BIG, capacity < 4096 else {
      throw request.error(-result.code, apicID, .entries(capacity))
    }
    capacity *= 2
  }
}

extension KVMDevice {
  /// What a guest's CPUID can say on this host.
  ///
  /// Leaves 0xB and 0x1F tell of the host's CPU that was asked, if anything.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_SUPPORTED_CPUID`.
  package func supportedCPUID() throws(KVMError) -> [CPUIDEntry] {
    try readCPUID(.getSupportedCPUID, descriptor.raw, apicID: nil)
  }
}

extension KVMVirtualCPU {
  /// Says what the vCPU's CPUID tells; before everything that depends on it, and before it runs.
  ///
  /// - Throws: ``KVMError``: `E2BIG` for too many entries, `EINVAL` once it has run.
  package func setCPUID(_ entries: [CPUIDEntry]) throws(KVMError) {
    let raw = descriptor.raw
    let request = KVMRequest.setCPUID
    let result = unsafe CountedArray.with(entries.map(\.raw), count: entries.count) { _, list in
      unsafe ktstr_ioctl_pointer(raw, request.number, list)
    }
    guard result.code >= 0 else {
      throw request.error(-result.code, apicID, .entries(entries.count))
    }
  }

  /// What the vCPU's CPUID tells.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_CPUID2`.
  package func cpuid() throws(KVMError) -> [CPUIDEntry] {
    try readCPUID(.getCPUID, descriptor.raw, apicID: apicID)
  }
}
