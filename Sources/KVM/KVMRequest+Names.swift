import CLinux

// The ioctls this room makes (Documentation/virt/kvm/api.rst, section 4), by the file they go to.

/// On `/dev/kvm`.
extension KVMRequest {
  static var getAPIVersion: Self { .init("KVM_GET_API_VERSION", KTSTR_KVM_GET_API_VERSION) }
  static var createVM: Self { .init("KVM_CREATE_VM", KTSTR_KVM_CREATE_VM) }
  static var getMSRIndexList: Self { .init("KVM_GET_MSR_INDEX_LIST", KTSTR_KVM_GET_MSR_INDEX_LIST) }
  static var checkExtension: Self { .init("KVM_CHECK_EXTENSION", KTSTR_KVM_CHECK_EXTENSION) }
  static var getRunSize: Self { .init("KVM_GET_VCPU_MMAP_SIZE", KTSTR_KVM_GET_VCPU_MMAP_SIZE) }
  static var getSupportedCPUID: Self {
    .init("KVM_GET_SUPPORTED_CPUID", KTSTR_KVM_GET_SUPPORTED_CPUID)
  }
}

/// On a VM.
extension KVMRequest {
  static var createVCPU: Self { .init("KVM_CREATE_VCPU", KTSTR_KVM_CREATE_VCPU) }
  static var getDirtyLog: Self { .init("KVM_GET_DIRTY_LOG", KTSTR_KVM_GET_DIRTY_LOG) }
  static var setMemory: Self {
    .init("KVM_SET_USER_MEMORY_REGION", KTSTR_KVM_SET_USER_MEMORY_REGION)
  }
  static var setTSSAddress: Self { .init("KVM_SET_TSS_ADDR", KTSTR_KVM_SET_TSS_ADDR) }
  static var setIdentityMap: Self {
    .init("KVM_SET_IDENTITY_MAP_ADDR", KTSTR_KVM_SET_IDENTITY_MAP_ADDR)
  }
  static var createIRQChip: Self { .init("KVM_CREATE_IRQCHIP", KTSTR_KVM_CREATE_IRQCHIP) }
  static var getIRQChip: Self { .init("KVM_GET_IRQCHIP", KTSTR_KVM_GET_IRQCHIP) }
  static var createPIT: Self { .init("KVM_CREATE_PIT2", KTSTR_KVM_CREATE_PIT2) }
  static var interruptLine: Self { .init("KVM_IRQ_LINE", KTSTR_KVM_IRQ_LINE) }
  static var setRouting: Self { .init("KVM_SET_GSI_ROUTING", KTSTR_KVM_SET_GSI_ROUTING) }
  static var irqfd: Self { .init("KVM_IRQFD", KTSTR_KVM_IRQFD) }
  static var ioeventfd: Self { .init("KVM_IOEVENTFD", KTSTR_KVM_IOEVENTFD) }
  static var signalMSI: Self { .init("KVM_SIGNAL_MSI", KTSTR_KVM_SIGNAL_MSI) }
  static var setBootCPU: Self { .init("KVM_SET_BOOT_CPU_ID", KTSTR_KVM_SET_BOOT_CPU_ID) }
  static var getClock: Self { .init("KVM_GET_CLOCK", KTSTR_KVM_GET_CLOCK) }
  static var setClock: Self { .init("KVM_SET_CLOCK", KTSTR_KVM_SET_CLOCK) }
  static var enableCapability: Self { .init("KVM_ENABLE_CAP", KTSTR_KVM_ENABLE_CAP) }
}

/// On a vCPU.
extension KVMRequest {
  static var run: Self { .init("KVM_RUN", KTSTR_KVM_RUN) }
  static var getRegisters: Self { .init("KVM_GET_REGS", KTSTR_KVM_GET_REGS) }
  static var setRegisters: Self { .init("KVM_SET_REGS", KTSTR_KVM_SET_REGS) }
  static var getSpecial: Self { .init("KVM_GET_SREGS", KTSTR_KVM_GET_SREGS) }
  static var setSpecial: Self { .init("KVM_SET_SREGS", KTSTR_KVM_SET_SREGS) }
  static var translate: Self { .init("KVM_TRANSLATE", KTSTR_KVM_TRANSLATE) }
  static var getMSRs: Self { .init("KVM_GET_MSRS", KTSTR_KVM_GET_MSRS) }
  static var setMSRs: Self { .init("KVM_SET_MSRS", KTSTR_KVM_SET_MSRS) }
  static var getFPU: Self { .init("KVM_GET_FPU", KTSTR_KVM_GET_FPU) }
  static var setFPU: Self { .init("KVM_SET_FPU", KTSTR_KVM_SET_FPU) }
  static var getLAPIC: Self { .init("KVM_GET_LAPIC", KTSTR_KVM_GET_LAPIC) }
  static var setLAPIC: Self { .init("KVM_SET_LAPIC", KTSTR_KVM_SET_LAPIC) }
  static var getCPUID: Self { .init("KVM_GET_CPUID2", KTSTR_KVM_GET_CPUID2) }
  static var setCPUID: Self { .init("KVM_SET_CPUID2", KTSTR_KVM_SET_CPUID2) }
  static var getMPState: Self { .init("KVM_GET_MP_STATE", KTSTR_KVM_GET_MP_STATE) }
  static var setMPState: Self { .init("KVM_SET_MP_STATE", KTSTR_KVM_SET_MP_STATE) }
  static var injectNMI: Self { .init("KVM_NMI", KTSTR_KVM_NMI) }
  static var getEvents: Self { .init("KVM_GET_VCPU_EVENTS", KTSTR_KVM_GET_VCPU_EVENTS) }
  static var setEvents: Self { .init("KVM_SET_VCPU_EVENTS", KTSTR_KVM_SET_VCPU_EVENTS) }
  static var getDebug: Self { .init("KVM_GET_DEBUGREGS", KTSTR_KVM_GET_DEBUGREGS) }
  static var setDebug: Self { .init("KVM_SET_DEBUGREGS", KTSTR_KVM_SET_DEBUGREGS) }
  static var getTSCFrequency: Self { .init("KVM_GET_TSC_KHZ", KTSTR_KVM_GET_TSC_KHZ) }
  static var setTSCFrequency: Self { .init("KVM_SET_TSC_KHZ", KTSTR_KVM_SET_TSC_KHZ) }
  static var getXSAVE: Self { .init("KVM_GET_XSAVE", KTSTR_KVM_GET_XSAVE) }
  static var getXSAVE2: Self { .init("KVM_GET_XSAVE2", KTSTR_KVM_GET_XSAVE2) }
  static var setXSAVE: Self { .init("KVM_SET_XSAVE", KTSTR_KVM_SET_XSAVE) }
  static var getXCRs: Self { .init("KVM_GET_XCRS", KTSTR_KVM_GET_XCRS) }
  static var setXCRs: Self { .init("KVM_SET_XCRS", KTSTR_KVM_SET_XCRS) }
  static var clockPaused: Self { .init("KVM_KVMCLOCK_CTRL", KTSTR_KVM_KVMCLOCK_CTRL) }
}
