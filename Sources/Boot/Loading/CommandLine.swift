/// Why a kernel command line is refused.
package enum CommandLineError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A part has no text.
  case empty(reason: String)
  /// A part holds a byte that ends the line, or that no parameter can hold.
  case forbiddenByte(UInt8, part: String)
  /// A quote that nothing ends, which would swallow the parts after it.
  case unbalancedQuote(part: String)
  /// A part comes after `--`, where it would be an argument of init.
  case afterInitArguments(part: String)
  /// The line has more bytes, without the NUL that ends it, than there is room for.
  case tooLong(bytes: Int, limit: Int)

  package var description: String {
    switch self {
    case .empty(let reason): "a part without text (\(reason))"
    case .forbiddenByte(let byte, let part):
      "byte 0x\(String(byte, radix: 16)) in '\(part.filter { $0 >= " " })'"
    case .unbalancedQuote(let part): "'\(part)' has a quote that nothing ends"
    case .afterInitArguments(let part): "'\(part)' comes after '--', where init's arguments are"
    case .tooLong(let bytes, let limit): "\(bytes) bytes, but at most \(limit) are possible"
    }
  }
}

/// A kernel command line, put together from parts that say why they are there.
package struct CommandLine: Hashable, Sendable {
  /// One or more parameters.
  package struct Part: Hashable, Sendable {
    /// As the kernel gets it.
    package let text: String
    /// Why it is there.
    package let reason: String
  }

  /// Linux's `COMMAND_LINE_SIZE` on x86, without the NUL: what a kernel takes that does not say.
  package static let linuxLimit = 2047
  /// What fits into ``GuestLayout/commandLine``, without the NUL.
  package static let room = Int(
    GuestLayout.commandLine.upperBound - GuestLayout.commandLine.lowerBound - 1)

  /// The parts, in order.
  package private(set) var parts: [Part] = []

  package init() {}

  /// Adds a part at the end.
  ///
  /// - Throws: ``CommandLineError`` except ``CommandLineError/tooLong(bytes:limit:)``.
  package mutating func append(_ text: String, because reason: String) throws(CommandLineError) {
    guard text.utf8.contains(where: { $0 != 0x20 && $0 != 0x09 }) else {
      throw .empty(reason: reason)
    }
    for byte in text.utf8 where (byte < 0x20 && byte != 0x09) || byte == 0x7f {
      throw .forbiddenByte(byte, part: text)
    }
    guard text.utf8.count(where: { $0 == 0x22 }).isMultiple(of: 2) else {
      throw .unbalancedQuote(part: text)
    }
    guard !hasInitArguments else { throw .afterInitArguments(part: text) }
    parts.append(Part(text: text, reason: reason))
  }

  /// Announces virtio-mmio devices to a kernel that is given no ACPI tables with them.
  ///
  /// - Throws: ``CommandLineError/afterInitArguments(part:)``.
  package mutating func append(devices: [VirtioMMIODevice]) throws(CommandLineError) {
    for device in devices {
      try append(device.kernelParameter, because: "a virtio device that no ACPI table names")
    }
  }

  /// The line as the kernel gets it.
  package var text: String { parts.map(\.text).joined(separator: " ") }

  /// The line's bytes with the NUL that ends them.
  ///
  /// - Parameter kernelLimit: What the kernel takes, without the NUL.
  /// - Throws: ``CommandLineError/tooLong(bytes:limit:)``.
  func bytes(kernelLimit: Int) throws(CommandLineError) -> [UInt8] {
    let bytes = Array(text.utf8)
    let limit = min(kernelLimit, Self.room)
    guard bytes.count <= limit else { throw .tooLong(bytes: bytes.count, limit: limit) }
    return bytes + [0]
  }

  private var hasInitArguments: Bool {
    parts.last.map { last in
      last.text.split(whereSeparator: { $0 == " " || $0 == "\t" }).contains("--")
    } ?? false
  }
}
