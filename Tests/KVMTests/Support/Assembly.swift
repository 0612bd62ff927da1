import Testing

/// How wide the code of a guest is.
enum GuestMode: CaseIterable, Sendable, CustomTestStringConvertible {
  case real16, protected32, long64

  var testDescription: String {
    switch self {
    case .real16: "16-bit"
    case .protected32: "32-bit"
    case .long64: "64-bit"
    }
  }
}

/// A few instructions of x86, enough for guests that talk to ports and memory.
///
/// Memory is always addressed through EBX or RBX, ports through DX: that reads the same in each mode.
struct Assembly {
  /// Registers by their numbers in instructions.
  enum Register: UInt8 {
    case ax = 0, cx, dx, bx, sp, bp, si, di
  }

  let mode: GuestMode
  private(set) var bytes: [UInt8] = []

  init(_ mode: GuestMode) {
    self.mode = mode
  }

  /// Any instruction.
  mutating func raw(_ code: UInt8...) {
    bytes += code
  }

  private mutating func immediate(_ value: UInt64, _ count: Int) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
  }

  /// The prefix that an operand of this size takes in this mode; 8 bytes take REX.W.
  private mutating func operand(_ size: Int) {
    switch (size, mode) {
    case (2, .protected32), (2, .long64), (4, .real16): bytes.append(0x66)
    case (8, .long64): bytes.append(0x48)
    default: break
    }
  }

  /// The prefix that makes EBX an address in real mode; RBX and EBX are the default elsewhere.
  private mutating func address() {
    if mode == .real16 { bytes.append(0x67) }
  }

  /// `mov register, value`, 32 bits (64 when the value needs them).
  mutating func set(_ register: Register, _ value: UInt64) {
    let size = value > UInt64(UInt32.max) ? 8 : 4
    operand(size)
    bytes.append(0xb8 + register.rawValue)
    immediate(value, size)
  }

  /// `out dx, al/ax/eax`.
  mutating func out(_ size: Int) {
    operand(size)
    bytes.append(size == 1 ? 0xee : 0xef)
  }

  /// `in al/ax/eax, dx`.
  mutating func input(_ size: Int) {
    operand(size)
    bytes.append(size == 1 ? 0xec : 0xed)
  }

  /// `rep outsb/outsw/outsd`: (E/R)CX items from [(E/R)SI].
  mutating func repeatOuts(_ size: Int) {
    bytes.append(0xf3)
    operand(size)
    address()
    bytes.append(size == 1 ? 0x6e : 0x6f)
  }

  /// `rep insb/insw/insd`: (E/R)CX items to [(E/R)DI].
  mutating func repeatIns(_ size: Int) {
    bytes.append(0xf3)
    operand(size)
    address()
    bytes.append(size == 1 ? 0x6c : 0x6d)
  }

  /// `mov [bx], register`.
  mutating func store(_ register: Register, _ size: Int) {
    address()
    operand(size)
    bytes += [size == 1 ? 0x88 : 0x89, register.rawValue << 3 | 3]
  }

  /// `mov register, [bx]`.
  mutating func load(_ register: Register, _ size: Int) {
    address()
    operand(size)
    bytes += [size == 1 ? 0x8a : 0x8b, register.rawValue << 3 | 3]
  }

  /// `inc dword [bx]`.
  mutating func increment(_ size: Int) {
    address()
    operand(size)
    bytes += [size == 1 ? 0xfe : 0xff, 0x03]
  }

  /// `mov dx, port; mov eax, value; out dx, al`: says something to the host.
  mutating func say(_ value: UInt8, port: UInt16 = 0xe9) {
    set(.dx, UInt64(port))
    set(.ax, UInt64(value))
    out(1)
  }

  /// `mov ebx, address; mov eax, value; mov [bx], eax`.
  mutating func write(_ value: UInt32, to address: UInt64) {
    set(.bx, address)
    set(.ax, UInt64(value))
    store(.ax, 4)
  }

  /// `jmp` to itself.
  mutating func spin() {
    jump(to: bytes.count)
  }

  /// `sti`, and an instruction after which interrupts can come.
  mutating func allowInterrupts() {
    raw(0xfb, 0x90)
  }

  /// Sets the first PIC up: vectors from 0x20 on, every pin unmasked; the second is left masked.
  mutating func initializePIC() {
    // ICW1 to ICW4, then the mask (Intel 8259A data sheet).
    for (port, value) in [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0x21, 0)] {
      say(UInt8(value), port: UInt16(port))
    }
  }

  /// `iret`, of real mode.
  mutating func returnFromInterrupt() {
    raw(0xcf)
  }

  /// `hlt`.
  mutating func halt() {
    bytes.append(0xf4)
  }

  /// `jmp` back to an offset in this code.
  mutating func jump(to offset: Int) {
    let distance = offset - (bytes.count + 2)
    bytes += [0xeb, UInt8(bitPattern: Int8(distance))]
  }
}
