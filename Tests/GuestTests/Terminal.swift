import Glibc
import HostOS

/// A pseudo-terminal: the side of a program and the side of the person before it.
final class Terminal {
  // asm-generic/ioctls.h; the C library's functions for these are not visible from Swift.
  private static let setLock: UInt = 0x4004_5431
  private static let getNumber: UInt = 0x8004_5430

  /// What a program has as its terminal.
  let program: OwnedDescriptor
  private let person: OwnedDescriptor

  init() throws {
    person = try Files.open("/dev/ptmx", O_RDWR | O_NOCTTY)
    let master = person.raw
    var locked: CInt = 0
    var number: CUnsignedInt = 0
    try systemCall("ioctl(TIOCSPTLCK)") { ioctl(master, Self.setLock, &locked) }
    try systemCall("ioctl(TIOCGPTN)") { ioctl(master, Self.getNumber, &number) }
    program = try Files.open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
  }

  /// Types keys.
  func type(_ text: String) throws {
    try DescriptorIO.write(Array(text.utf8), to: person.raw, subject: "the terminal")
  }

  /// Whether lines are edited and echoed, as a user's shell expects.
  func isCooked() throws -> Bool {
    let flags = try mode().c_lflag
    let cooked = tcflag_t(ICANON | ECHO | ISIG)
    return flags & cooked == cooked
  }

  /// The mode as bytes, to compare.
  func modeBytes() throws -> [UInt8] {
    var state = try mode()
    return withUnsafeBytes(of: &state) { Array($0) }
  }

  private func mode() throws -> termios {
    var state = termios()
    try systemCall("tcgetattr") { tcgetattr(program.raw, &state) }
    return state
  }
}
