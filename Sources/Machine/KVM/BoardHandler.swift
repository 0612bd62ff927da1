import HostOS
import KVM

/// What comes of an exit.
enum ExitConsequence: Sendable {
  /// Back to the guest.
  case goOn
  /// The machine has ended.
  case end(MachineEnd)
  /// The engine cannot go on; the registers tell more.
  case fail(String)
}

extension Board {
  /// Answers an exit of a vCPU.
  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> ExitConsequence {
    switch exit {
    case .portRead(let access):
      for index in 0..<access.count {
        vcpu.answer(access, at: index, with: read(port: access.port, byteCount: access.size))
      }
    case .portWrite(let access):
      for index in 0..<access.count {
        let item = vcpu.portItem(of: access, at: index)
        switch write(item, port: access.port, byteCount: access.size) {
        case .none: break
        case .reset, .powerOff: return .end(.guestStopped)
        }
      }
    case .mmioRead(let access):
      vcpu.answer(access, with: read(address: access.address, byteCount: access.length))
    case .mmioWrite(let access, let value):
      write(value, address: access.address, byteCount: access.length)
    case .interrupted, .endOfInterrupt: break
    case .halted: return .fail("a vCPU halted, though its interrupt controller is in the kernel")
    case .shutdown: return .fail("the guest's CPU shut down: a triple fault")
    case .failedEntry(let reason):
      return .fail("the host's CPU refused the guest's state: reason 0x\(hex(reason))")
    case .internalError(let suberror):
      return .fail("KVM gave up with internal error \(suberror)\(Self.words(for: suberror))")
    case .systemEvent(.shutdown), .systemEvent(.reset): return .end(.guestStopped)
    case .systemEvent(let event): return .fail("the guest ended with the event \(event)")
    case .unknown(let reason): return .fail("KVM left the guest for the unknown reason \(reason)")
    }
    return .goOn
  }

  /// Names of Documentation/virt/kvm/api.rst, `KVM_EXIT_INTERNAL_ERROR`.
  private static func words(for suberror: UInt32) -> String {
    switch suberror {
    case 1: ", an instruction that it cannot emulate"
    case 2: ", a fault while it delivered another"
    case 3: ", an exit without a reason"
    case 4: ", an exit that it does not know"
    default: ""
    }
  }
}

/// A number as the kernel prints it.
func hex(_ value: UInt64) -> String { String(value, radix: 16) }
