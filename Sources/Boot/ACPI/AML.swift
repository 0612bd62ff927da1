/// The few terms of the ACPI Machine Language that our DSDT is made of, as bytes.
///
/// Source: ACPI 6.5 section 20.2, AML Grammar Definition.
enum AML {
  /// Terms in the scope of a name of four characters.
  static func scope(_ name: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x10] + package(Array(name.utf8) + terms.flatMap(\.self))
  }

  /// A device of a name of four characters.
  static func device(_ name: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x5b, 0x82] + package(Array(name.utf8) + terms.flatMap(\.self))
  }

  /// An object of a name of four characters.
  static func name(_ name: String, _ object: [UInt8]) -> [UInt8] {
    [0x08] + Array(name.utf8) + object
  }

  /// A whole number, in as few bytes as it takes.
  static func integer(_ value: UInt64) -> [UInt8] {
    switch value {
    case 0, 1: [UInt8(value)]
    case ...0xff: [0x0a] + littleEndian(value, bytes: 1)
    case ...0xffff: [0x0b] + littleEndian(value, bytes: 2)
    case ...0xffff_ffff: [0x0c] + littleEndian(value, bytes: 4)
    default: [0x0e] + littleEndian(value, bytes: 8)
    }
  }

  /// Text of ASCII characters.
  static func string(_ text: String) -> [UInt8] {
    [0x0d] + Array(text.utf8) + [0]
  }

  /// An identifier of three letters and four hexadecimal digits, packed (section 19.3.4).
  static func eisaID(_ text: StaticString) -> [UInt8] {
    let characters = Array("\(text)".utf8)
    let letters = characters.prefix(3).reduce(UInt32(0)) { $0 << 5 | UInt32($1 & 0x1f) }
    let digits = characters.dropFirst(3).reduce(UInt32(0)) { value, digit in
      value << 4 | UInt32(digit <= UInt8(ascii: "9") ? digit & 0xf : digit - 55)
    }
    // The bytes stand the other way round than in an integer.
    return [0x0c] + littleEndian(UInt64((letters << 16 | digits).byteSwapped), bytes: 4)
  }

  /// A list of up to 255 objects.
  static func list(_ objects: [[UInt8]]) -> [UInt8] {
    [0x12] + package([UInt8(objects.count)] + objects.flatMap(\.self))
  }

  /// Resources, ended by the tag that ends them.
  static func resources(_ descriptors: [[UInt8]]) -> [UInt8] {
    let content = descriptors.flatMap(\.self) + [0x79, 0]
    return [0x11] + package(integer(UInt64(content.count)) + content)
  }

  /// Registers in memory below 4 GiB, writable (section 6.4.3.4).
  static func memory(base: UInt32, length: UInt32) -> [UInt8] {
    [0x86, 9, 0, 1] + littleEndian(UInt64(base), bytes: 4) + littleEndian(UInt64(length), bytes: 4)
  }

  /// An interrupt for the device, edge-triggered, active high, not shared (section 6.4.3.6).
  static func interrupt(_ gsi: UInt32) -> [UInt8] {
    [0x89, 6, 0, 0b0011, 1] + littleEndian(UInt64(gsi), bytes: 4)
  }

  /// Ports, decoded by 16 bits (section 6.4.2.5).
  static func ports(_ first: UInt16, count: UInt8) -> [UInt8] {
    let port = littleEndian(UInt64(first), bytes: 2)
    return [0x47, 1] + port + port + [1, count]
  }

  /// A PkgLength, which counts itself, and what it is the length of.
  static func package(_ content: [UInt8]) -> [UInt8] {
    let count = content.count
    // The first byte has room for 6 bits alone, and for 4 before up to three others.
    if count + 1 < 1 << 6 { return [UInt8(count + 1)] + content }
    let more = count + 2 < 1 << 12 ? 1 : count + 3 < 1 << 20 ? 2 : 3
    precondition(count + 4 < 1 << 28, "\(count) bytes are no AML package")
    let length = UInt64(count + 1 + more)
    return [UInt8(more << 6) | UInt8(length & 0xf)] + littleEndian(length >> 4, bytes: more)
      + content
  }

  private static func littleEndian(_ value: UInt64, bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }
}
