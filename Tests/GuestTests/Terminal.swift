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
  private var screen = ""

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

  /// Reads what the program writes until it contains the text; false when that takes too long.
  func awaitScreen(_ text: String, seconds: UInt64) throws -> Bool {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: seconds * 1_000_000_000)
    while !screen.contains(text) {
      let left = deadline.nanoseconds(since: .now())
      guard left > 0 else { return false }
      guard try Poll.wait(readable: person.raw, timeoutNanoseconds: left) else { continue }
      let bytes = try DescriptorIO.readSome(person.raw, subject: "terminal")
      screen += String(decoding: bytes, as: UTF8.self)
    }
    return true
  }
}
