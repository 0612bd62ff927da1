import CLinux
import Glibc
import HostOS
import SystemPackage

/// A virtual CPU.
///
/// Running it and touching its run page takes exclusive access, which the compiler checks; the
/// other calls wait in the kernel while it runs.
package struct KVMVirtualCPU: ~Copyable, Sendable {
  let descriptor: OwnedDescriptor
  private var page: RunPage
  /// Its number and its local APIC's.
  package let apicID: UInt32
  /// Bytes of the extended state.
  let extendedStateSize: Int
  /// Ends its stay in the guest; may be kept longer than the vCPU.
  package let kicker: VCPUKicker

  init(
    descriptor: consuming OwnedDescriptor, apicID: UInt32, runSize: Int, extendedStateSize: Int
  ) throws(KVMError) {
    let page = try RunPage(of: descriptor.raw, apicID: apicID, size: runSize)
    self.kicker = VCPUKicker(address: page.kickAddress)
    self.page = page
    self.descriptor = descriptor
    self.apicID = apicID
    self.extendedStateSize = extendedStateSize
  }

  deinit {
    kicker.detach()
  }

  /// The descriptor's number, for a sandbox that lists what may be used; valid as long as this is.
  package var raw: CInt { descriptor.raw }

  /// Runs the guest until it needs something, or a kick or signal comes.
  ///
  /// First completes what the last exit was about: a read gets its answer, and an access that goes
  /// on exits again, kick or not. So after ``VCPUExit/interrupted`` nothing is half done.
  ///
  /// A kick stays until ``clearKick()``.
  ///
  /// - Throws: ``KVMError`` from `KVM_RUN`, `EPROTO` for an exit that no kernel should make.
  package mutating func run() throws(KVMError) -> VCPUExit {
    while true {
      let code = ktstr_ioctl_value(descriptor.raw, KTSTR_KVM_RUN, 0)
      switch code {
      case 0:
        do throws(BadExit) {
          return try page.decode()
        } catch {
          throw KVMRequest.run.error(EPROTO, apicID, error.argument)
        }
      case -EINTR:
        return .interrupted
      case -EAGAIN:
        // It waited for the boot processor's INIT or SIPI and got one (vcpu_run in x86.c).
        continue
      default:
        throw KVMRequest.run.error(-code, apicID, nil)
      }
    }
  }

  /// Takes kicks back, so that the vCPU runs again.
  ///
  /// What was written before a kick that this takes can be seen after it.
  package mutating func clearKick() {
    kicker.clear()
  }

  /// The items of the port access that the last exit was about, to read or to answer.
  @_lifetime(&self)
  package mutating func portData(of access: PortAccess) -> MutableRawSpan {
    page.portData(of: access)
  }

  /// One item of the port access that the last exit was about.
  ///
  /// - Parameter index: below the access's count; zero is read beyond.
  package mutating func portItem(of access: PortAccess, at index: Int = 0) -> UInt32 {
    page.item(of: access, at: index)
  }

  /// Answers one item of the port read that the last exit was about; upper bytes are ignored.
  ///
  /// - Parameter index: below the access's count; nothing is written beyond.
  package mutating func answer(_ access: PortAccess, at index: Int = 0, with value: UInt32) {
    page.setItem(of: access, at: index, value)
  }

  /// Answers the address read that the last exit was about; upper bytes are ignored.
  package mutating func answer(_ access: MMIOAccess, with value: UInt64) {
    page.answer(value)
  }

  /// What KVM says of its internal error, after ``VCPUExit/internalError(suberror:)``.
  package func internalErrorDetail() -> InternalErrorDetail {
    InternalErrorDetail(words: page.internalErrorData(), instruction: page.refusedInstruction())
  }
}

/// What KVM says of an internal error.
package struct InternalErrorDetail: Hashable, Sendable, Codable {
  /// Words whose meaning the error's number decides.
  package var words: [UInt64]
  /// The bytes of the instruction that it could not emulate, if that was it and it says so.
  package var instruction: [UInt8]
}
