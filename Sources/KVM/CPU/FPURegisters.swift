import CLinux

/// A register of 128 bits.
package struct WideRegister: Hashable, Sendable, Codable {
  /// Bits 0 to 63; of an x87 register the significand.
  package var low: UInt64 = 0
  /// Bits 64 to 127; of an x87 register sign and exponent, in the lower 16.
  package var high: UInt64 = 0

  /// A value.
  package init(low: UInt64 = 0, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }
}

/// The x87 and SSE registers, in the form of `FXSAVE`.
///
/// Intel SDM vol. 1, 10.5.1.
package struct FPURegisters: Hashable, Sendable, Codable {
  /// ST(0) to ST(7).
  package var x87 = [WideRegister](repeating: WideRegister(), count: 8)
  /// XMM0 to XMM15.
  package var xmm = [WideRegister](repeating: WideRegister(), count: 16)
  /// The x87 control word; 0x37f after `FNINIT`.
  package var control: UInt16 = 0x37f
  /// The x87 status word.
  package var status: UInt16 = 0
  /// Which x87 registers are in use, a bit for each.
  package var tags: UInt8 = 0
  /// The last x87 opcode.
  package var lastOpcode: UInt16 = 0
  /// Where the last x87 instruction stood.
  package var lastInstruction: UInt64 = 0
  /// Where its operand stood.
  package var lastOperand: UInt64 = 0
  /// The SSE control and status word; 0x1f80 after reset.
  package var mxcsr: UInt32 = 0x1f80

  /// The state after reset and `FNINIT`, which Linux may expect.
  package init() {}

  init(_ raw: kvm_fpu) {
    unsafe withUnsafeBytes(of: raw.fpr) { unsafe x87 = FPURegisters.read($0) }
    unsafe withUnsafeBytes(of: raw.xmm) { unsafe xmm = FPURegisters.read($0) }
    control = raw.fcw
    status = raw.fsw
    tags = raw.ftwx
    lastOpcode = raw.last_opcode
    lastInstruction = raw.last_ip
    lastOperand = raw.last_dp
  }

  var raw: kvm_fpu {
    var raw = kvm_fpu()
    unsafe withUnsafeMutableBytes(of: &raw.fpr) { unsafe FPURegisters.write(x87, to: $0) }
    unsafe withUnsafeMutableBytes(of: &raw.xmm) { unsafe FPURegisters.write(xmm, to: $0) }
    raw.fcw = control
    raw.fsw = status
    raw.ftwx = tags
    raw.last_opcode = lastOpcode
    raw.last_ip = lastInstruction
    raw.last_dp = lastOperand
    return raw
  }

  private static func read(_ bytes: UnsafeRawBufferPointer) -> [WideRegister] {
    stride(from: 0, to: bytes.count, by: 16).map {
      unsafe WideRegister(
        low: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self),
        high: bytes.loadUnaligned(fromByteOffset: $0 + 8, as: UInt64.self))
    }
  }

  private static func write(_ registers: [WideRegister], to bytes: UnsafeMutableRawBufferPointer) {
    for (index, register) in registers.prefix(bytes.count / 16).enumerated() {
      unsafe bytes.storeBytes(of: register.low, toByteOffset: 16 * index, as: UInt64.self)
      unsafe bytes.storeBytes(of: register.high, toByteOffset: 16 * index + 8, as: UInt64.self)
    }
  }
}
