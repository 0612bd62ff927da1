import CLinux

/// Something that a kernel's KVM may or may not offer (`KVM_CAP_...`).
package struct KVMCapability: Hashable, Sendable {
  /// The name without its prefix, such as `IRQFD`.
  package let name: String
  /// The number that `KVM_CHECK_EXTENSION` takes.
  package let number: Int32

  init(_ name: String, _ number: Int32) {
    self.name = name
    self.number = number
  }

  /// In-kernel interrupt controllers.
  package static let irqchip = KVMCapability("IRQCHIP", KVM_CAP_IRQCHIP)
  /// The identity map's address can be set.
  package static let identityMap = KVMCapability(
    "SET_IDENTITY_MAP_ADDR", KVM_CAP_SET_IDENTITY_MAP_ADDR)
  /// Memory slots that writes do not reach.
  package static let readOnlyMemory = KVMCapability("READONLY_MEM", KVM_CAP_READONLY_MEM)
  /// Doorbells of any length.
  package static let anyLengthDoorbell = KVMCapability(
    "IOEVENTFD_ANY_LENGTH", KVM_CAP_IOEVENTFD_ANY_LENGTH)
  /// `immediate_exit` of the run page: without it a kick may come between check and entry.
  package static let immediateExit = KVMCapability("IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT)
  /// APIC ids above 254; the value holds the flags that `KVM_ENABLE_CAP` takes.
  package static let x2APIC = KVMCapability("X2APIC_API", KVM_CAP_X2APIC_API)
  /// Local APICs in the kernel, everything else in user space.
  package static let splitIRQChip = KVMCapability("SPLIT_IRQCHIP", KVM_CAP_SPLIT_IRQCHIP)
  /// The value is one more than the highest vCPU id, thus APIC id.
  package static let maximalVCPUID = KVMCapability("MAX_VCPU_ID", KVM_CAP_MAX_VCPU_ID)
  /// How many vCPUs a VM can have.
  package static let maximalVCPUs = KVMCapability("MAX_VCPUS", KVM_CAP_MAX_VCPUS)
  /// How many memory slots a VM can have.
  package static let memorySlots = KVMCapability("NR_MEMSLOTS", KVM_CAP_NR_MEMSLOTS)
  /// The value is the size of the extended state in bytes, asked of a VM.
  package static let xsave2 = KVMCapability("XSAVE2", KVM_CAP_XSAVE2)
  /// The time that the host polls for a halted vCPU can be set.
  package static let haltPoll = KVMCapability("HALT_POLL", KVM_CAP_HALT_POLL)
  /// Instructions that need not exit; the value holds which (MWAIT 1, HLT 2, PAUSE 4, C states 8).
  package static let disabledExits = KVMCapability(
    "X86_DISABLE_EXITS", KVM_CAP_X86_DISABLE_EXITS)

  /// What the engine cannot do without, each with a word of why.
  package static let required: [(capability: KVMCapability, reason: String)] = [
    (irqchip, "interrupt controllers in the kernel"),
    (KVMCapability("IOEVENTFD", KVM_CAP_IOEVENTFD), "doorbells that do not exit"),
    (KVMCapability("IRQFD", KVM_CAP_IRQFD), "interrupts without an ioctl"),
    (KVMCapability("USER_MEMORY", KVM_CAP_USER_MEMORY), "guest memory of this process"),
    (KVMCapability("SET_TSS_ADDR", KVM_CAP_SET_TSS_ADDR), "Intel's real mode"),
    (identityMap, "Intel's real mode"),
    (KVMCapability("PIT2", KVM_CAP_PIT2), "the timer that early boot calibrates by"),
    (KVMCapability("ADJUST_CLOCK", KVM_CAP_ADJUST_CLOCK), "kvmclock across a pause"),
    (KVMCapability("DEBUGREGS", KVM_CAP_DEBUGREGS), "debug registers in failure reports"),
    (KVMCapability("MP_STATE", KVM_CAP_MP_STATE), "what a stopped vCPU waits for"),
    (KVMCapability("VCPU_EVENTS", KVM_CAP_VCPU_EVENTS), "pending exceptions in failure reports"),
    (KVMCapability("XSAVE", KVM_CAP_XSAVE), "extended processor state"),
    (KVMCapability("EXT_CPUID", KVM_CAP_EXT_CPUID), "the topology that CPUID tells"),
    (immediateExit, "kicks that are never lost"),
  ]
}

/// What a kernel offers beyond what is required; zero or false where it does not.
package struct KVMFeatures: Hashable, Sendable, Codable {
  /// APIC ids above 254 can be addressed: both flags of `X2APIC_API`.
  package var hasWideAPICIDs: Bool
  /// The controllers other than the local APICs can be left to user space.
  package var hasSplitIRQChip: Bool
  /// One more than the highest APIC id.
  package var apicIDLimit: Int
  /// How many vCPUs a VM can have.
  package var maximalVCPUs: Int
  /// How many memory slots a VM can have.
  package var memorySlots: Int
  /// The extended state can be larger than 4096 bytes.
  package var hasLargeXSAVE: Bool
  /// The polling for halted vCPUs can be set.
  package var hasHaltPoll: Bool
  /// Memory slots can be read-only.
  package var hasReadOnlyMemory: Bool
  /// Doorbells of length 0, which any access rings.
  package var hasAnyLengthDoorbell: Bool
  /// Which exits can be disabled.
  package var disabledExits: DisabledExits
}

/// Instructions that a guest executes without leaving to the host (`KVM_CAP_X86_DISABLE_EXITS`).
package struct DisabledExits: OptionSet, Hashable, Sendable, Codable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// `MWAIT`.
  package static let mwait = DisabledExits(rawValue: 1)
  /// `HLT`: the host's CPU is then busy while the guest's is idle.
  package static let halt = DisabledExits(rawValue: 2)
  /// `PAUSE`.
  package static let pause = DisabledExits(rawValue: 4)
  /// Reads of the C-state counters.
  package static let cStates = DisabledExits(rawValue: 8)
}
