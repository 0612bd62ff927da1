import CLinux
import HostOS
import SystemPackage

/// What a vCPU is doing (`KVM_MP_STATE_...`).
package enum VCPUActivity: Hashable, Sendable, Codable {
  /// It runs, or would.
  case runnable
  /// It waits for the boot processor's INIT.
  case uninitialized
  /// It had its INIT and waits for where to start.
  case initialized
  /// It executed `HLT`.
  case halted
  /// It waits for a start message.
  case startReceived
  /// Anything else, by the kernel's number.
  case other(UInt32)

  init(_ number: UInt32) {
    switch CInt(truncatingIfNeeded: number) {
    case KVM_MP_STATE_RUNNABLE: self = .runnable
    case KVM_MP_STATE_UNINITIALIZED: self = .uninitialized
    case KVM_MP_STATE_INIT_RECEIVED: self = .initialized
    case KVM_MP_STATE_HALTED: self = .halted
    case KVM_MP_STATE_SIPI_RECEIVED: self = .startReceived
    default: self = .other(number)
    }
  }

  var number: UInt32 {
    switch self {
    case .runnable: UInt32(KVM_MP_STATE_RUNNABLE)
    case .uninitialized: UInt32(KVM_MP_STATE_UNINITIALIZED)
    case .initialized: UInt32(KVM_MP_STATE_INIT_RECEIVED)
    case .halted: UInt32(KVM_MP_STATE_HALTED)
    case .startReceived: UInt32(KVM_MP_STATE_SIPI_RECEIVED)
    case .other(let number): number
    }
  }
}

/// Exceptions, interrupts and NMIs on their way into the guest.
package struct VCPUEvents: Hashable, Sendable, Codable {
  /// The vector of the exception that is being delivered, if one is.
  package var exception: UInt8?
  /// Its error code, if it has one.
  package var errorCode: UInt32?
  /// The vector of the interrupt that is being delivered, if one is.
  package var interrupt: UInt8?
  /// An NMI is being delivered.
  package var isNMIInjected: Bool
  /// An NMI waits.
  package var isNMIPending: Bool
  /// The guest is in its NMI handler.
  package var isNMIMasked: Bool

  init(_ raw: kvm_vcpu_events) {
    let hasException = raw.exception.injected != 0 || raw.exception.pending != 0
    exception = hasException ? raw.exception.nr : nil
    errorCode =
      hasException && raw.exception.has_error_code != 0 ? raw.exception.error_code : nil
    interrupt = raw.interrupt.injected != 0 ? raw.interrupt.nr : nil
    isNMIInjected = raw.nmi.injected != 0
    isNMIPending = raw.nmi.pending != 0
    isNMIMasked = raw.nmi.masked != 0
  }
}

/// The debug registers.
package struct DebugRegisters: Hashable, Sendable, Codable {
  /// DR0 to DR3.
  package var addresses: [UInt64]
  package var dr6: UInt64
  package var dr7: UInt64
}

/// The registers of a local APIC, by their offsets in its page.
///
/// Intel SDM vol. 3, 11.4.1.
package struct LocalAPIC: Hashable, Sendable {
  /// The local vector table's entry for pin LINT0.
  package static let lint0 = 0x350
  /// The local vector table's entry for pin LINT1.
  package static let lint1 = 0x360
  /// The bits of ``SpecialRegisters/apicBase`` that switch it on, in x2APIC mode.
  package static let enabledInX2APICMode: UInt64 = 0xc00

  /// 256 words, four bytes each; registers stand in every fourth.
  private var words: [UInt32]

  init(_ raw: kvm_lapic_state) {
    words = unsafe withUnsafeBytes(of: raw.regs) { bytes in
      stride(from: 0, to: bytes.count, by: 4).map {
        unsafe bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)
      }
    }
  }

  var raw: kvm_lapic_state {
    var raw = kvm_lapic_state()
    unsafe withUnsafeMutableBytes(of: &raw.regs) { bytes in
      for (index, word) in words.prefix(bytes.count / 4).enumerated() {
        unsafe bytes.storeBytes(of: word, toByteOffset: 4 * index, as: UInt32.self)
      }
    }
    return raw
  }

  /// The register at an offset, a multiple of 16 below 0x400.
  package subscript(offset: Int) -> UInt32 {
    get { words[offset / 4] }
    set { words[offset / 4] = newValue }
  }
}

extension KVMVirtualCPU {
  /// What it is doing.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_MP_STATE`.
  package func activity() throws(KVMError) -> VCPUActivity {
    var raw = kvm_mp_state()
    try KVMRequest.getMPState(descriptor.raw, &raw, apicID: apicID)
    return VCPUActivity(raw.mp_state)
  }

  /// Sets what it is doing.
  ///
  /// - Throws: ``KVMError``: `EINVAL` for all but running without controllers in the kernel.
  package func setActivity(_ activity: VCPUActivity) throws(KVMError) {
    var raw = kvm_mp_state(mp_state: activity.number)
    try KVMRequest.setMPState(
      descriptor.raw, &raw, apicID: apicID, about: .value(UInt64(activity.number)))
  }

  /// The local APIC; there is one where there are controllers in the kernel.
  ///
  /// - Throws: ``KVMError``: `EINVAL` without.
  package func localAPIC() throws(KVMError) -> LocalAPIC {
    var raw = kvm_lapic_state()
    try KVMRequest.getLAPIC(descriptor.raw, &raw, apicID: apicID)
    return LocalAPIC(raw)
  }

  /// Sets the local APIC; after the special registers, whose APIC base says how its id is kept.
  ///
  /// - Throws: ``KVMError`` from `KVM_SET_LAPIC`.
  package func setLocalAPIC(_ apic: LocalAPIC) throws(KVMError) {
    var raw = apic.raw
    try KVMRequest.setLAPIC(descriptor.raw, &raw, apicID: apicID)
  }

  /// What is on its way into the guest.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_VCPU_EVENTS`.
  package func events() throws(KVMError) -> VCPUEvents {
    var raw = kvm_vcpu_events()
    try KVMRequest.getEvents(descriptor.raw, &raw, apicID: apicID)
    return VCPUEvents(raw)
  }

  /// The debug registers.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_DEBUGREGS`.
  package func debugRegisters() throws(KVMError) -> DebugRegisters {
    var raw = kvm_debugregs()
    try KVMRequest.getDebug(descriptor.raw, &raw, apicID: apicID)
    return DebugRegisters(
      addresses: [raw.db.0, raw.db.1, raw.db.2, raw.db.3], dr6: raw.dr6, dr7: raw.dr7)
  }

  /// Sends it a non-maskable interrupt, which it takes when it next runs.
  ///
  /// - Throws: ``KVMError`` from `KVM_NMI`.
  package func injectNMI() throws(KVMError) {
    try KVMRequest.injectNMI(descriptor.raw, apicID: apicID)
  }

  /// Tells the guest that it was not running for a while, so that its watchdogs keep still.
  ///
  /// False when the guest has no kvmclock to tell it by (`EINVAL`, api.rst 4.68).
  ///
  /// - Throws: ``KVMError`` from `KVM_KVMCLOCK_CTRL`.
  @discardableResult
  package func markClockPaused() throws(KVMError) -> Bool {
    do throws(KVMError) {
      try KVMRequest.clockPaused(descriptor.raw, apicID: apicID)
      return true
    } catch {
      guard error.errno == .invalidArgument else { throw error }
      return false
    }
  }

  /// How fast its time stamp counter runs, in kHz.
  ///
  /// - Throws: ``KVMError``: `EIO` where the host's is not constant.
  package func tscFrequency() throws(KVMError) -> UInt32 {
    UInt32(try KVMRequest.getTSCFrequency(descriptor.raw, apicID: apicID))
  }
}
