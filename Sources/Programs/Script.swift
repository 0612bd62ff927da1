import Glibc
import HostOS

/// The first line of a script, as the kernel reads it (fs/binfmt_script.c).
enum Script {
  /// As much as the kernel looks at (`BINPRM_BUF_SIZE`).
  private static let head = 256

  /// What stands behind `#!`.
  struct Line: Hashable, Sendable {
    /// The interpreter's path.
    var interpreter: String
    /// The rest of the line: one argument to the kernel.
    var argument: String

    /// The program that `env` is asked to find; nil where the interpreter is not `env`.
    var programOfEnv: String? {
      guard GuestPath.name(of: interpreter) == "env" else { return nil }
      return argument.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        .first { !$0.hasPrefix("-") && !$0.contains("=") }
    }
  }

  /// The line of a file, or nil for what is no script.
  ///
  /// - Throws: ``ProgramError/system(_:)``.
  static func line(of path: String) throws(ProgramError) -> Line? {
    let bytes: [UInt8]
    do {
      let file = try Files.open(path, O_RDONLY)
      bytes = try DescriptorIO.readSome(file.raw, subject: path, limit: head)
    } catch {
      throw .system(error)
    }
    return line(in: bytes)
  }

  /// The line that a file with these first bytes has.
  static func line(in bytes: [UInt8]) -> Line? {
    guard bytes.starts(with: Array("#!".utf8)) else { return nil }
    let text = bytes.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
    let words = String(decoding: text, as: UTF8.self).drop { $0 == " " || $0 == "\t" }
    let interpreter = words.prefix { $0 != " " && $0 != "\t" }
    let argument = words[interpreter.endIndex...].drop { $0 == " " || $0 == "\t" }
    return Line(interpreter: String(interpreter), argument: String(argument))
  }
}
