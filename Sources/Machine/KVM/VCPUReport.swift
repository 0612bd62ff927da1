import GuestMemory
import KVM

/// What a vCPU that cannot go on says of itself, in the order of the kernel's own oops reports.
struct VCPUReport {
  /// One line with the reason, then registers, and the bytes that it was about to execute.
  let text: String

  /// Bytes at the instruction pointer that are shown, at most.
  private static let codeCount = 32

  init(_ reason: String, _ vcpu: borrowing KVMVirtualCPU, _ ram: GuestRAM) {
    var lines = ["\(reason) (vCPU with APIC id \(vcpu.apicID))"]
    do throws(KVMError) {
      let registers = try vcpu.registers()
      let special = try vcpu.specialRegisters()
      lines += Self.lines(registers, special)
      lines.append("code at rip: " + Self.code(at: registers.rip, special, vcpu, ram))
    } catch {
      lines.append("its registers cannot be read: \(error)")
    }
    let detail = vcpu.internalErrorDetail()
    if !detail.words.isEmpty {
      lines.append("KVM's words: " + detail.words.map { hex($0) }.joined(separator: " "))
    }
    if !detail.instruction.isEmpty {
      lines.append("instruction: " + Self.text(of: detail.instruction))
    }
    text = lines.joined(separator: "\n")
  }

  private static func lines(
    _ registers: GeneralRegisters, _ special: SpecialRegisters
  ) -> [String] {
    func row(_ values: [(String, UInt64)]) -> String {
      values.map { "\($0.0)=\(hex($0.1))" }.joined(separator: " ")
    }
    let r = registers
    return [
      row([("rip", r.rip), ("rflags", r.rflags), ("rsp", r.rsp), ("rbp", r.rbp)]),
      row([("rax", r.rax), ("rbx", r.rbx), ("rcx", r.rcx), ("rdx", r.rdx)]),
      row([("rsi", r.rsi), ("rdi", r.rdi), ("r8", r.r8), ("r9", r.r9)]),
      row([("r10", r.r10), ("r11", r.r11), ("r12", r.r12), ("r13", r.r13)]),
      row([("r14", r.r14), ("r15", r.r15)]),
      row([
        ("cr0", special.cr0), ("cr2", special.cr2), ("cr3", special.cr3), ("cr4", special.cr4),
        ("efer", special.efer),
      ]),
      row([
        ("cs", UInt64(special.cs.selector)), ("cs.base", special.cs.base),
        ("ss", UInt64(special.ss.selector)), ("gs.base", special.gs.base),
        ("gdt", special.gdt.base), ("idt", special.idt.base),
        ("idt.limit", UInt64(special.idt.limit)),
      ]),
    ]
  }

  /// The bytes up to the end of the page, where the guest's page tables lead to RAM.
  private static func code(
    at rip: UInt64, _ special: SpecialRegisters, _ vcpu: borrowing KVMVirtualCPU, _ ram: GuestRAM
  ) -> String {
    // In 64-bit mode the base of the code segment is zero.
    let linear = rip &+ special.cs.base
    guard let physical = try? vcpu.physicalAddress(of: linear) else { return "not mapped" }
    let count = min(codeCount, Int(4096 - (physical & 4095)))
    guard let bytes = try? ram.map.bytes(at: GuestAddress(physical), count: count) else {
      return "not in RAM, at \(hex(physical))"
    }
    return text(of: bytes)
  }

  private static func text(of bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined(separator: " ")
  }
}
