import CLinux

/// The general registers, the instruction pointer and the flags.
package struct GeneralRegisters: Hashable, Sendable, Codable {
  // The processor's own names.
  package var rax: UInt64 = 0
  package var rbx: UInt64 = 0
  package var rcx: UInt64 = 0
  package var rdx: UInt64 = 0
  package var rsi: UInt64 = 0
  package var rdi: UInt64 = 0
  package var rsp: UInt64 = 0
  package var rbp: UInt64 = 0
  package var r8: UInt64 = 0
  package var r9: UInt64 = 0
  package var r10: UInt64 = 0
  package var r11: UInt64 = 0
  package var r12: UInt64 = 0
  package var r13: UInt64 = 0
  package var r14: UInt64 = 0
  package var r15: UInt64 = 0
  package var rip: UInt64 = 0
  package var rflags: UInt64 = 2

  /// All zero, but for the bit of the flags that is always set.
  ///
  /// Intel SDM vol. 1, 3.4.3.
  package init() {}

  init(_ raw: kvm_regs) {
    rax = raw.rax
    rbx = raw.rbx
    rcx = raw.rcx
    rdx = raw.rdx
    rsi = raw.rsi
    rdi = raw.rdi
    rsp = raw.rsp
    rbp = raw.rbp
    r8 = raw.r8
    r9 = raw.r9
    r10 = raw.r10
    r11 = raw.r11
    r12 = raw.r12
    r13 = raw.r13
    r14 = raw.r14
    r15 = raw.r15
    rip = raw.rip
    rflags = raw.rflags
  }

  var raw: kvm_regs {
    var raw = kvm_regs()
    raw.rax = rax
    raw.rbx = rbx
    raw.rcx = rcx
    raw.rdx = rdx
    raw.rsi = rsi
    raw.rdi = rdi
    raw.rsp = rsp
    raw.rbp = rbp
    raw.r8 = r8
    raw.r9 = r9
    raw.r10 = r10
    raw.r11 = r11
    raw.r12 = r12
    raw.r13 = r13
    raw.r14 = r14
    raw.r15 = r15
    raw.rip = rip
    raw.rflags = rflags
    return raw
  }
}
