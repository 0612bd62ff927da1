import CLinux
import HostOS
import SystemPackage

extension KVMVirtualCPU {
  /// The general registers.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_REGS`.
  package func registers() throws(KVMError) -> GeneralRegisters {
    var raw = kvm_regs()
    try KVMRequest.getRegisters(descriptor.raw, &raw, apicID: apicID)
    return GeneralRegisters(raw)
  }

  /// Sets the general registers.
  ///
  /// - Throws: ``KVMError`` from `KVM_SET_REGS`.
  package func setRegisters(_ registers: GeneralRegisters) throws(KVMError) {
    var raw = registers.raw
    try KVMRequest.setRegisters(descriptor.raw, &raw, apicID: apicID)
  }

  /// Segments, tables and control registers.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_SREGS`.
  package func specialRegisters() throws(KVMError) -> SpecialRegisters {
    var raw = kvm_sregs()
    try KVMRequest.getSpecial(descriptor.raw, &raw, apicID: apicID)
    return SpecialRegisters(raw)
  }

  /// Sets segments, tables and control registers; after CPUID, which says what CR4 and EFER may hold.
  ///
  /// - Throws: ``KVMError``: `EINVAL` for a state that no processor can be in.
  package func setSpecialRegisters(_ registers: SpecialRegisters) throws(KVMError) {
    var raw = registers.raw
    try KVMRequest.setSpecial(descriptor.raw, &raw, apicID: apicID)
  }

  /// The x87 and SSE registers.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_FPU`, or as ``extendedState()``.
  package func fpu() throws(KVMError) -> FPURegisters {
    var raw = kvm_fpu()
    try KVMRequest.getFPU(descriptor.raw, &raw, apicID: apicID)
    var registers = FPURegisters(raw)
    // That call leaves MXCSR out (kvm_arch_vcpu_ioctl_get_fpu in x86.c); it stands at byte 24 here.
    registers.mxcsr = try extendedState()[6]
    return registers
  }

  /// Sets the x87 and SSE registers but for MXCSR, which the kernel leaves as it is.
  ///
  /// A vCPU starts with the one that Linux expects; ``setExtendedState(_:)`` sets it.
  ///
  /// - Throws: ``KVMError`` from `KVM_SET_FPU`.
  package func setFPU(_ registers: FPURegisters) throws(KVMError) {
    var raw = registers.raw
    try KVMRequest.setFPU(descriptor.raw, &raw, apicID: apicID)
  }

  /// The extended state as `XSAVE` lays it out, CPUID leaf 0xD saying where what stands.
  ///
  /// At least 1024 words. A part that the header does not name is as after reset.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_XSAVE2` or, on kernels without, `KVM_GET_XSAVE`.
  package func extendedState() throws(KVMError) -> [UInt32] {
    let size = extendedStateSize
    // Both fill as many bytes as the VM says the state has; the older call always 4096.
    let request = size > 4096 ? KVMRequest.getXSAVE2 : .getXSAVE
    var words = [UInt32](repeating: 0, count: size / 4)
    let raw = descriptor.raw
    let code = unsafe words.withUnsafeMutableBytes { bytes in
      unsafe ktstr_ioctl_pointer(raw, request.number, bytes.baseAddress)
    }
    guard code >= 0 else { throw request.error(-code, apicID, .bytes(size)) }
    return words
  }

  /// Sets the extended state.
  ///
  /// - Throws: ``KVMError`` from `KVM_SET_XSAVE`, or `EINVAL` for another size than the state has.
  package func setExtendedState(_ words: [UInt32]) throws(KVMError) {
    let request = KVMRequest.setXSAVE
    guard words.count * 4 == extendedStateSize else {
      throw request.error(Errno.invalidArgument.rawValue, apicID, .bytes(words.count * 4))
    }
    var words = words
    let raw = descriptor.raw
    let code = unsafe words.withUnsafeMutableBytes { bytes in
      unsafe ktstr_ioctl_pointer(raw, request.number, bytes.baseAddress)
    }
    guard code >= 0 else { throw request.error(-code, apicID, .bytes(words.count * 4)) }
  }

  /// The extended control register XCR0: which extended state is in use.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_XCRS`.
  package func xcr0() throws(KVMError) -> UInt64 {
    var raw = kvm_xcrs()
    try KVMRequest.getXCRs(descriptor.raw, &raw, apicID: apicID)
    return raw.nr_xcrs > 0 ? raw.xcrs.0.value : 0
  }

  /// Sets the extended control register XCR0.
  ///
  /// - Throws: ``KVMError``: `EINVAL` for state that CPUID does not name.
  package func setXCR0(_ value: UInt64) throws(KVMError) {
    var raw = kvm_xcrs()
    raw.nr_xcrs = 1
    raw.xcrs.0.value = value
    try KVMRequest.setXCRs(descriptor.raw, &raw, apicID: apicID, about: .value(value))
  }

  /// The guest physical address of a linear one, or nil where the guest maps nothing.
  ///
  /// - Throws: ``KVMError`` from `KVM_TRANSLATE`.
  package func physicalAddress(of linear: UInt64) throws(KVMError) -> UInt64? {
    var raw = kvm_translation()
    raw.linear_address = linear
    try KVMRequest.translate(descriptor.raw, &raw, apicID: apicID, about: .address(linear))
    return raw.valid != 0 ? raw.physical_address : nil
  }
}
