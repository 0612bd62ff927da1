import CLinux
import HostOS
import SystemPackage

/// The guest's clock (kvmclock) as `KVM_GET_CLOCK` tells it.
package struct KVMClock: Hashable, Sendable, Codable {
  /// Nanoseconds since the VM's start.
  package var nanoseconds: UInt64
  /// All vCPUs see the same clock, which runs with the processor's time stamp counter.
  package var isStable: Bool

  /// Makes a reading.
  package init(nanoseconds: UInt64, isStable: Bool) {
    self.nanoseconds = nanoseconds
    self.isStable = isStable
  }
}

extension KVMVirtualMachine {
  /// The guest's clock now.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_CLOCK`.
  package func clock() throws(KVMError) -> KVMClock {
    var data = kvm_clock_data()
    try KVMRequest.getClock(descriptor.raw, &data)
    return KVMClock(
      nanoseconds: data.clock, isStable: data.flags & UInt32(KVM_CLOCK_TSC_STABLE) != 0)
  }

  /// Sets the guest's clock; it runs on from there.
  ///
  /// - Throws: ``KVMError`` from `KVM_SET_CLOCK`.
  package func setClock(nanoseconds: UInt64) throws(KVMError) {
    // Flags that the kernel gives are refused when they are given back (api.rst 4.30).
    var data = kvm_clock_data()
    data.clock = nanoseconds
    try KVMRequest.setClock(descriptor.raw, &data, about: .value(nanoseconds))
  }
}
