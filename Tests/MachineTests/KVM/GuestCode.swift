/// A guest's instructions in 64-bit code, with jumps to named places.
///
/// Memory is addressed through RBX alone, ports through DX. Only plain integer instructions: that
/// is what a host without hardware virtualization runs, too.
struct GuestCode {
  /// Registers by their numbers in instructions.
  enum Register: UInt8 {
    case ax = 0, cx, dx, bx, sp, bp, si, di
  }

  /// Conditions of jumps, by their numbers in instructions.
  enum Condition: UInt8 {
    case equal = 0x84
    case notEqual = 0x85
  }

  private var code: [UInt8] = []
  private var places: [String: Int] = [:]
  private var jumps: [(at: Int, to: String)] = []
  private var nextPlace = 0

  /// The code with all jumps filled in.
  var bytes: [UInt8] {
    var result = code
    for jump in jumps {
      let distance = Int32((places[jump.to] ?? 0) - (jump.at + 4))
      for index in 0..<4 {
        result[jump.at + index] = UInt8(truncatingIfNeeded: distance >> Int32(8 * index))
      }
    }
    return result
  }

  /// Any instruction.
  mutating func raw(_ bytes: UInt8...) { code += bytes }

  private mutating func immediate(_ value: UInt64, _ count: Int) {
    for index in 0..<count { code.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  /// Names the next instruction.
  mutating func place(_ name: String) { places[name] = code.count }

  /// Names the next instruction with a name of its own.
  mutating func place() -> String {
    nextPlace += 1
    place(".\(nextPlace)")
    return ".\(nextPlace)"
  }

  /// How far behind the first instruction a named one stands.
  func offset(of name: String) -> Int? { places[name] }

  /// `jmp`.
  mutating func jump(_ name: String) {
    code.append(0xe9)
    jumps.append((code.count, name))
    immediate(0, 4)
  }

  /// `jcc`.
  mutating func jump(_ name: String, if condition: Condition) {
    code += [0x0f, condition.rawValue]
    jumps.append((code.count, name))
    immediate(0, 4)
  }

  /// `mov register, value`; writes the whole register.
  mutating func set(_ register: Register, _ value: UInt64) {
    let isWide = value > UInt64(UInt32.max)
    if isWide { code.append(0x48) }
    code.append(0xb8 + register.rawValue)
    immediate(value, isWide ? 8 : 4)
  }

  private mutating func operand(_ size: Int) {
    if size == 2 { code.append(0x66) }
    if size == 8 { code.append(0x48) }
  }

  /// `mov [address], eax` in this size; changes RBX.
  mutating func store(to address: UInt64, _ size: Int = 4) {
    set(.bx, address)
    operand(size)
    code += [size == 1 ? 0x88 : 0x89, 0x03]
  }

  /// `mov eax, [address]` in this size; changes RBX.
  mutating func load(from address: UInt64, _ size: Int = 4) {
    set(.bx, address)
    operand(size)
    code += [size == 1 ? 0x8a : 0x8b, 0x03]
  }

  /// `mov [address], value` in this size; changes RAX and RBX.
  mutating func write(_ value: UInt64, to address: UInt64, _ size: Int = 4) {
    set(.ax, value)
    store(to: address, size)
  }

  /// `out dx, al/ax/eax`.
  mutating func out(_ size: Int) {
    if size == 2 { code.append(0x66) }
    code.append(size == 1 ? 0xee : 0xef)
  }

  /// `in al/ax/eax, dx`.
  mutating func input(_ size: Int) {
    if size == 2 { code.append(0x66) }
    code.append(size == 1 ? 0xec : 0xed)
  }

  /// `out port, value`; changes RAX and RDX.
  mutating func out(_ value: UInt8, port: UInt16) {
    set(.dx, UInt64(port))
    set(.ax, UInt64(value))
    out(1)
  }

  /// Says a text on COM1, a port write for each byte.
  mutating func say(_ text: String) {
    for byte in text.utf8 { out(byte, port: 0x3f8) }
  }

  /// `rep outsb` to COM1 of bytes at an address; changes RCX, RDX and RSI.
  mutating func say(_ count: Int, bytesAt address: UInt64) {
    set(.dx, 0x3f8)
    set(.si, address)
    set(.cx, UInt64(count))
    raw(0xf3, 0x6e)
  }

  /// `cmp eax, value`.
  mutating func compare(_ value: UInt32) {
    code.append(0x3d)
    immediate(UInt64(value), 4)
  }

  /// Loops until a word in memory has a value.
  mutating func wait(for value: UInt32, at address: UInt64, _ size: Int = 4) {
    let again = place()
    set(.ax, 0)
    load(from: address, size)
    compare(value)
    jump(again, if: .notEqual)
  }

  /// Jumps away unless a word in memory has a value.
  mutating func expect(_ value: UInt32, at address: UInt64, else name: String) {
    load(from: address)
    compare(value)
    jump(name, if: .notEqual)
  }

  /// `wrmsr`; changes RAX, RCX and RDX.
  mutating func setMSR(_ index: UInt32, _ value: UInt64) {
    set(.cx, UInt64(index))
    set(.ax, value & 0xffff_ffff)
    set(.dx, value >> 32)
    raw(0x0f, 0x30)
  }

  /// Resets the machine by the keyboard controller, and loops should that return.
  mutating func reset() {
    out(0xfe, port: 0x64)
    spin()
  }

  /// `jmp` to itself.
  mutating func spin() { raw(0xeb, 0xfe) }
}
