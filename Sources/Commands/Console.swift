import CLinux
import Glibc
import HostOS
import SystemPackage

/// Standard output and standard error: data goes to the one, words for people to the other.
struct Console {
  /// Whether standard output is a terminal.
  let outputIsTerminal = isatty(1) == 1
  /// Whether standard error is a terminal.
  let errorIsTerminal = isatty(2) == 1

  /// Writes lines to standard output.
  func out(_ lines: [String]) { write(lines, to: 1) }

  /// Writes a line to standard output.
  func out(_ line: String) { write([line], to: 1) }

  /// Writes a line to standard error.
  func error(_ line: String) { write([line], to: 2) }

  /// Whether lines can be drawn again: not on a terminal that says it is dumb, or is tiny.
  static func canRedraw(_ descriptor: CInt) -> Bool {
    guard let term = variable("TERM"), term != "dumb" else { return false }
    return columns(of: descriptor) >= 20
  }

  /// Whether colours are welcome (https://no-color.org).
  static var wantsColor: Bool {
    variable("NO_COLOR") == nil && variable("TERM") != "dumb"
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// Width of the terminal on this descriptor; 80 when it does not say.
  static func columns(of descriptor: CInt) -> Int {
    Int(size(of: descriptor).columns)
  }

  /// Size of the terminal on this descriptor; 80 by 24 when it does not say.
  static func size(of descriptor: CInt) -> (columns: UInt16, rows: UInt16) {
    var size = winsize()
    guard unsafe ktstr_ioctl_pointer(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0,
      size.ws_row > 0
    else { return (80, 24) }
    return (size.ws_col, size.ws_row)
  }

  /// Writes words for people as they are.
  func raw(_ text: String, to descriptor: CInt) {
    // A reader that is gone has heard enough.
    try? DescriptorIO.writePatiently(Array(text.utf8), to: descriptor, subject: "output")
  }

  /// Writes a report for machines to standard output, whole or not at all.
  ///
  /// - Throws: ``SystemCallError``, but for a reader that is gone.
  func report(_ text: String) throws {
    do {
      try DescriptorIO.writePatiently(
        Array((text + "\n").utf8), to: 1, subject: "the report on standard output")
    } catch {
      guard error.errno == .brokenPipe else { throw error }
    }
  }

  private func write(_ lines: [String], to descriptor: CInt) {
    guard !lines.isEmpty else { return }
    raw(lines.joined(separator: "\n") + "\n", to: descriptor)
  }
}
