import HostOS
import SystemPackage

/// What a throw-away guest says about `/dev/kvm`.
package enum KVMFinding: Sendable, Equatable {
  /// Guest code runs on the CPU itself.
  case native(nanoseconds: UInt64)
  /// Guest code is interpreted: there is no hardware virtualization behind the device.
  case emulated(nanoseconds: UInt64)
  /// There is no such device.
  case absent
  /// This user may not open it.
  case notPermitted
  /// The device refuses or misbehaves.
  case broken(String)
}

/// Times a loop of a few thousand instructions in a guest of one page.
///
/// Whether `/dev/kvm` exists does not tell whether a Linux guest can run: a KVM without hardware
/// behind it interprets each instruction.
package enum NativeSpeedProbe {
  /// Rounds of the timed loop; about 40 ms where each instruction is interpreted.
  package static let rounds: UInt16 = 10_000
  /// Above this a Linux guest is out of the question.
  package static let limitNanoseconds: UInt64 = 2_000_000

  /// Signals that one run of the loop is given.
  private static let interruptionLimit = 1000

  /// In 16-bit assembly: `mov cx, rounds; 1: dec cx; jnz 1b; hlt`.
  private static let code: [UInt8] = [
    0xb9, UInt8(rounds & 0xff), UInt8(rounds >> 8), 0x49, 0x75, 0xfd, 0xf4,
  ]

  /// Runs the probe; takes well under a second and needs no privileges but the device's.
  package static func run() -> KVMFinding {
    do throws(KVMError) {
      let device = try KVMDevice()
      let version = try device.version()
      guard version == KVMDevice.apiVersion else {
        return .broken("KVM API version \(version), \(KVMDevice.apiVersion) expected")
      }
      return try time(on: device)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .noSuchAddressOrDevice: return .absent
      case .permissionDenied, .notPermitted: return .notPermitted
      default: return .broken(error.description)
      }
    }
  }

  private static func time(on device: borrowing KVMDevice) throws(KVMError) -> KVMFinding {
    let page = try makePage()
    let memory = unsafe UnsafeMutableRawBufferPointer(start: page.unsafeBase, count: page.count)
    unsafe memory.copyBytes(from: code)
    let machine = try device.makeVirtualMachine()
    try unsafe machine.setMemory(slot: 0, guestAddress: 0, memory: memory)
    var vcpu = try machine.makeVCPU(apicID: 0)
    // Best of three: the first run also pays for the page's first touch.
    var best = UInt64.max
    for _ in 0..<3 {
      try vcpu.enterRealMode(at: 0)
      let start = MonotonicTime.now()
      var exit = try vcpu.run()
      // A signal of ours, such as a terminal's new size, says nothing about the device.
      for _ in 0..<interruptionLimit where exit == .interrupted { exit = try vcpu.run() }
      guard exit == .halted else {
        return .broken("a loop of \(rounds) rounds ended with \(exit), not at its HLT")
      }
      best = min(best, MonotonicTime.now().nanoseconds(since: start))
    }
    return best > limitNanoseconds
      ? .emulated(nanoseconds: best) : .native(nanoseconds: best)
  }

  private static func makePage() throws(KVMError) -> Mapping {
    do throws(SystemCallError) {
      return try Mapping(anonymous: KVMVirtualMachine.pageSize)
    } catch {
      throw KVMError("mmap", about: .bytes(KVMVirtualMachine.pageSize), error.errno)
    }
  }
}

extension KVMVirtualCPU {
  /// Puts the vCPU into real mode with flat segments at 0, about to execute at `address`.
  fileprivate func enterRealMode(at address: UInt16) throws(KVMError) {
    var special = try specialRegisters()
    special.cs.base = 0
    special.cs.selector = 0
    try setSpecialRegisters(special)
    var general = GeneralRegisters()
    general.rip = UInt64(address)
    try setRegisters(general)
  }
}
