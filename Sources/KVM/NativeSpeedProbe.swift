import CLinux
import Glibc
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

  /// In 16-bit assembly: `mov cx, rounds; 1: dec cx; jnz 1b; hlt`.
  private static let code: [UInt8] = [
    0xb9, UInt8(rounds & 0xff), UInt8(rounds >> 8), 0x49, 0x75, 0xfd, 0xf4,
  ]

  /// Runs the probe; takes well under a second and needs no privileges but the device's.
  package static func run() -> KVMFinding {
    do throws(SystemCallError) {
      let device = try KVMDevice()
      let version = try device.apiVersion()
      guard version == 12 else { return .broken("KVM API version \(version), 12 expected") }
      return try time(on: device)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .noSuchAddressOrDevice: return .absent
      case .permissionDenied, .notPermitted: return .notPermitted
      default: return .broken(error.description)
      }
    }
  }

  private static func time(on device: borrowing KVMDevice) throws(SystemCallError) -> KVMFinding {
    let size = 4096
    let page = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let page = unsafe page, unsafe page != MAP_FAILED else {
      throw SystemCallError("mmap", Errno(rawValue: Glibc.errno))
    }
    defer { unsafe munmap(page, size) }
    let memory = unsafe UnsafeMutableRawBufferPointer(start: page, count: size)
    unsafe memory.copyBytes(from: code)
    let machine = try device.makeVirtualMachine()
    try unsafe machine.setMemory(slot: 0, guestAddress: 0, memory: memory)
    let vcpu = try machine.makeVirtualCPU(id: 0)
    // Best of three: the first run also pays for the page's first touch.
    var best = UInt64.max
    for _ in 0..<3 {
      try vcpu.enterRealMode(at: 0)
      let start = MonotonicTime.now()
      let reason = try vcpu.runUntilExit()
      guard reason == UInt32(KVM_EXIT_HLT) else {
        return .broken("a loop of \(rounds) rounds ended with KVM exit reason \(reason), not HLT")
      }
      best = min(best, MonotonicTime.now().nanoseconds(since: start))
    }
    return best > limitNanoseconds
      ? .emulated(nanoseconds: best) : .native(nanoseconds: best)
  }
}
