/// Why something cannot be put into an archive.
package enum CpioError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name is empty, too long for the kernel, or holds a NUL byte.
  case badName(String)
  /// The content is longer than the format's 32-bit size.
  case tooLarge(name: String, size: Int)

  package var description: String {
    switch self {
    case .badName(let name): "'\(name)' cannot be a name in an initramfs"
    case .tooLarge(let name, let size): "\(name): \(size) bytes are too many for an initramfs"
    }
  }
}

/// Writes an initramfs archive in the "newc" format.
///
/// Format: Linux, Documentation/driver-api/early-userspace/buffer-format.rst. The kernel takes
/// several archives one behind the other, each padded to four bytes; later entries win. Times are
/// zero and numbers are counted, so that equal contents give equal bytes.
package struct CpioWriter: Sendable {
  /// Which kind of device a node stands for.
  package enum DeviceKind: Hashable, Sendable {
    case character, block
  }

  private static let magic = "070701"
  private static let trailerName = "TRAILER!!!"
  /// PATH_MAX of the kernel's unpacker, the ending NUL included.
  private static let nameLimit = 4096

  private var archive: [UInt8] = []
  /// Bytes that were taken out, or written by the caller.
  private var taken: UInt64 = 0
  private var inode: UInt32 = 0

  /// Starts an empty archive.
  package init() {}

  /// Adds a directory; its parents must be in this archive or in one before it.
  ///
  /// - Throws: ``CpioError``.
  package mutating func addDirectory(
    _ path: String, permissions: UInt32 = 0o755
  ) throws(CpioError) {
    try add(path, mode: 0o040000 | (permissions & 0o7777), links: 2, content: [])
  }

  /// Adds a regular file.
  ///
  /// - Throws: ``CpioError``.
  package mutating func addFile(
    _ path: String, _ content: [UInt8], permissions: UInt32 = 0o644
  ) throws(CpioError) {
    try add(path, mode: 0o100000 | (permissions & 0o7777), content: content)
  }

  /// Adds a symbolic link.
  ///
  /// - Throws: ``CpioError``.
  package mutating func addSymbolicLink(
    _ path: String, to target: String
  ) throws(CpioError) {
    try add(path, mode: 0o120777, content: Array(target.utf8))
  }

  /// Adds a device node.
  ///
  /// - Throws: ``CpioError``.
  package mutating func addDevice(
    _ path: String, _ kind: DeviceKind, major: UInt32, minor: UInt32, permissions: UInt32 = 0o600
  ) throws(CpioError) {
    let type: UInt32 = kind == .character ? 0o020000 : 0o060000
    try add(
      path, mode: type | (permissions & 0o7777), device: (major, minor), content: [])
  }

  /// Begins a regular file whose content the caller writes itself, behind ``takeBytes()``.
  ///
  /// - Throws: ``CpioError``.
  package mutating func beginFile(
    _ path: String, size: UInt64, permissions: UInt32 = 0o644
  ) throws(CpioError) {
    try add(path, mode: 0o100000 | (permissions & 0o7777), size: size)
  }

  /// Goes on after a content of this size was written.
  package mutating func endFile(size: UInt64) {
    taken &+= size
    pad(to: 4)
  }

  /// Gives what was gathered since the last time; the archive goes on behind it.
  package mutating func takeBytes() -> [UInt8] {
    let bytes = archive
    taken &+= UInt64(bytes.count)
    archive = []
    return bytes
  }

  /// Ends the archive and gives its bytes, padded with zeros to a multiple of 512.
  ///
  /// Of one whose bytes were taken in pieces it is the last piece.
  package consuming func finish() -> [UInt8] {
    appendHeader(
      inode: 0, mode: 0, links: 1, device: (0, 0), size: 0, name: Self.trailerName)
    pad(to: 512)
    return archive
  }

  private mutating func add(
    _ path: String, mode: UInt32, links: UInt32 = 1, device: (UInt32, UInt32) = (0, 0),
    content: [UInt8]
  ) throws(CpioError) {
    try add(path, mode: mode, links: links, device: device, size: UInt64(content.count))
    archive.append(contentsOf: content)
    pad(to: 4)
  }

  private mutating func add(
    _ path: String, mode: UInt32, links: UInt32 = 1, device: (UInt32, UInt32) = (0, 0),
    size: UInt64
  ) throws(CpioError) {
    // The unpacker starts at the root, where a name without the leading slash belongs.
    let name = String(path.drop { $0 == "/" })
    guard !name.isEmpty, name.utf8.count < Self.nameLimit, !name.utf8.contains(0),
      name != Self.trailerName
    else { throw .badName(path) }
    guard let size = UInt32(exactly: size) else {
      throw .tooLarge(name: path, size: Int(clamping: size))
    }
    inode &+= 1
    appendHeader(
      inode: inode, mode: mode, links: links, device: device, size: size, name: name)
  }

  private mutating func appendHeader(
    inode: UInt32, mode: UInt32, links: UInt32, device: (UInt32, UInt32), size: UInt32,
    name: String
  ) {
    archive.append(contentsOf: Self.magic.utf8)
    let fields: [UInt32] = [
      inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1,
      UInt32(truncatingIfNeeded: name.utf8.count + 1), 0,
    ]
    for field in fields { appendHexadecimal(field) }
    archive.append(contentsOf: name.utf8)
    archive.append(0)
    pad(to: 4)
  }

  private mutating func appendHexadecimal(_ value: UInt32) {
    let digits = Array("0123456789abcdef".utf8)
    for shift in stride(from: 28, through: 0, by: -4) {
      archive.append(digits[Int((value >> UInt32(shift)) & 0xf)])
    }
  }

  private mutating func pad(to alignment: Int) {
    // Bytes that were taken count as well, by their remainder alone.
    let over = (Int(taken % 512) + archive.count) % alignment
    if over != 0 { archive.append(contentsOf: repeatElement(0, count: alignment - over)) }
  }
}
