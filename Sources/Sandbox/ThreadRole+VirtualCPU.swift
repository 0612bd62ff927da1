import CLinux

extension ThreadRole {
  /// What a thread that runs guest code calls.
  ///
  /// It enters the guest, answers exits by devices in this process, and reads the state of its vCPU. It
  /// opens nothing.
  static let virtualCPURules = [
    SeccompRule(
      .ioctl,
      .argument(
        .second,
        in: [
          // First, because every exit comes here and a list is searched from its start.
          KTSTR_REQUEST_RUN,
          // The registers and memory of a vCPU, for the report of a run that went wrong.
          KTSTR_REQUEST_GET_REGS, KTSTR_REQUEST_GET_SREGS, KTSTR_REQUEST_GET_SREGS2,
          KTSTR_REQUEST_GET_FPU, KTSTR_REQUEST_GET_XSAVE, KTSTR_REQUEST_GET_XSAVE2,
          KTSTR_REQUEST_GET_XCRS, KTSTR_REQUEST_GET_DEBUGREGS, KTSTR_REQUEST_GET_VCPU_EVENTS,
          KTSTR_REQUEST_GET_MSRS, KTSTR_REQUEST_GET_LAPIC, KTSTR_REQUEST_GET_MP_STATE,
          KTSTR_REQUEST_TRANSLATE,
          // Telling the guest's clock of a pause, and its watchdogs of an NMI.
          KTSTR_REQUEST_KVMCLOCK_CTRL, KTSTR_REQUEST_NMI,
          // Interrupts of devices that are emulated in the exit itself.
          KTSTR_REQUEST_IRQ_LINE, KTSTR_REQUEST_SIGNAL_MSI, KTSTR_REQUEST_SET_GSI_ROUTING,
        ].map { UInt64($0) }),
      reason: "running the guest; the state of the vCPU for reports; interrupts")
  ]
}
