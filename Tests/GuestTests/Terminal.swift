import Glibc
import HostOS

/// A pseudo-terminal: the side of a program and the side of the person before it.
final class Terminal {
  /// What a program has as its terminal.
  let program: OwnedDescriptor
  private let person: OwnedDescriptor

  init() throws {
    let master = try systemCall("posix_openpt") { posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) }
    person = OwnedDescriptor(owning: master)
    try systemCall("grantpt") { grantpt(master) }
    try systemCall("unlockpt") { unlockpt(master) }
    var name = [CChar](repeating: 0, count: 64)
    let code = ptsname_r(master, &name, name.count)
    guard code == 0 else { throw SystemCallError("ptsname_r", .init(rawValue: code)) }
    let path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    program = try Files.open(path, O_RDWR | O_NOCTTY)
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
