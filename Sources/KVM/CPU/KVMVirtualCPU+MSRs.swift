import CLinux
import Glibc
import HostOS
import SystemPackage

/// A model-specific register and its value.
package struct MSREntry: Hashable, Sendable, Codable {
  /// Its number, as `RDMSR` takes it.
  package var index: UInt32
  /// What it holds.
  package var value: UInt64

  /// A register with a value.
  package init(index: UInt32, value: UInt64) {
    self.index = index
    self.value = value
  }

  init(_ raw: kvm_msr_entry) {
    self.init(index: raw.index, value: raw.data)
  }

  var raw: kvm_msr_entry {
    kvm_msr_entry(index: index, reserved: 0, data: value)
  }
}

extension KVMVirtualCPU {
  /// Sets model-specific registers, in order; after CPUID, which says which there are.
  ///
  /// - Throws: ``KVMError``, whose argument is the first register refused; those before it are set.
  package func setMSRs(_ entries: [MSREntry]) throws(KVMError) {
    try exchange(entries, .setMSRs)
  }

  /// The values of these model-specific registers, in order.
  ///
  /// - Throws: ``KVMError``, whose argument is the first register refused.
  package func msrs(_ indices: [UInt32]) throws(KVMError) -> [MSREntry] {
    try exchange(indices.map { MSREntry(index: $0, value: 0) }, .getMSRs)
  }

  @discardableResult
  private func exchange(
    _ entries: [MSREntry], _ request: KVMRequest
  ) throws(KVMError) -> [MSREntry] {
    guard !entries.isEmpty else { return [] }
    let raw = descriptor.raw
    let result = unsafe CountedArray.with(entries.map(\.raw), count: entries.count) { _, list in
      unsafe ktstr_ioctl_pointer(raw, request.number, list)
    }
    guard result.code >= 0 else {
      throw request.error(-result.code, apicID, .entries(entries.count))
    }
    // The result is how many were done: the kernel stops at the first it refuses (api.rst 4.19).
    let done = Int(result.code)
    guard done >= entries.count else {
      throw request.error(Errno.invalidArgument.rawValue, apicID, .msr(entries[done].index))
    }
    return result.entries.map(MSREntry.init)
  }
}

extension KVMDevice {
  /// The model-specific registers that guests have and that can be captured.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_MSR_INDEX_LIST`.
  package func msrIndices() throws(KVMError) -> [UInt32] {
    let raw = descriptor.raw
    let request = KVMRequest.getMSRIndexList
    // The list has a header of 32 bits: count and first index come as one counted array's header.
    var capacity = 64
    while capacity <= 65536 {
      var words = [UInt32](repeating: 0, count: capacity + 1)
      words[0] = UInt32(capacity)
      let code = unsafe words.withUnsafeMutableBytes { bytes in
        unsafe ktstr_ioctl_pointer(raw, request.number, bytes.baseAddress)
      }
      if code >= 0 { return Array(words.dropFirst().prefix(Int(words[0]))) }
      guard -code == E2BIG else {
        throw request.error(-code, nil, .entries(capacity))
      }
      capacity *= 2
    }
    throw request.error(E2BIG, nil, .entries(capacity))
  }
}
