import HostOS
import KVM

/// Answers the exits of all vCPUs with what the board says, and ends the machine when it must.
final class BoardHandler: VCPUExitHandler {
  private let board: Board
  private let controllers: InterruptControllers
  private let ram: GuestRAM
  private let ending: Ending

  init(board: Board, controllers: InterruptControllers, ram: GuestRAM, ending: Ending) {
    self.board = board
    self.controllers = controllers
    self.ram = ram
    self.ending = ending
  }

  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
    switch exit {
    case .portRead(let access):
      for index in 0..<access.count {
        vcpu.answer(
          access, at: index, with: board.read(port: access.port, byteCount: access.size))
      }
    case .portWrite(let access):
      for index in 0..<access.count {
        let item = vcpu.portItem(of: access, at: index)
        switch board.write(item, port: access.port, byteCount: access.size) {
        case .none: break
        case .reset, .powerOff: return end(.guestStopped)
        }
      }
    case .mmioRead(let access):
      let value =
        controllers.read(address: access.address)
        ?? board.read(address: access.address, byteCount: access.length)
      vcpu.answer(access, with: value)
    case .mmioWrite(let access, let value):
      return controlling(vcpu) { () throws(KVMError) in
        if try !controllers.write(value, address: access.address) {
          board.write(value, address: access.address, byteCount: access.length)
        }
      }
    case .endOfInterrupt(let vector):
      return controlling(vcpu) { () throws(KVMError) in
        try controllers.endInterrupt(vector: vector)
      }
    case .interrupted: break
    case .systemEvent(.shutdown), .systemEvent(.reset): return end(.guestStopped)
    default: return fail(Self.describe(exit), vcpu)
    }
    return .resume
  }

  func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {
    _ = fail("\(error)", vcpu)
  }

  /// Goes on after calls that change interrupts, or ends the machine where they are refused.
  private func controlling(
    _ vcpu: borrowing KVMVirtualCPU, _ body: () throws(KVMError) -> Void
  ) -> VCPUDirective {
    do {
      try body()
      return .resume
    } catch {
      return fail("the IOAPIC's interrupts cannot be set: \(error)", vcpu)
    }
  }

  private func end(_ how: MachineEnd) -> VCPUDirective {
    ending.tell(how)
    return .hold
  }

  /// Ends the machine with all that the vCPU can tell.
  private func fail(_ reason: String, _ vcpu: borrowing KVMVirtualCPU) -> VCPUDirective {
    end(.engineFailed(VCPUReport(reason, vcpu, ram).text))
  }

  private static func describe(_ exit: VCPUExit) -> String {
    switch exit {
    case .halted: "a vCPU halted, though its interrupt controller is in the kernel"
    case .shutdown: "the guest's CPU shut down: a triple fault"
    case .failedEntry(let reason):
      "the host's CPU refused the guest's state, reason \(hex(reason))"
    case .internalError(let suberror):
      "KVM gave up with internal error \(suberror)\(words(for: suberror))"
    case .systemEvent(let event): "the guest ended with the event \(event)"
    case .unknown(let reason): "KVM left the guest for the unknown reason \(reason)"
    default: "an exit without an answer: \(exit.reasonName)"
    }
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

/// A number in the notation of addresses.
func hex(_ value: some UnsignedInteger) -> String { "0x" + String(value, radix: 16) }
