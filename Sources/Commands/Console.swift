import CLinux
import Glibc
import HostOS

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

  /// Writes bytes as they are.
  func raw(_ text: String, to descriptor: CInt) {
    // A reader that is gone has heard enough.
    try? DescriptorIO.write(Array(text.utf8), to: descriptor, subject: "output")
  }

  private func write(_ lines: [String], to descriptor: CInt) {
    guard !lines.isEmpty else { return }
    raw(lines.joined(separator: "\n") + "\n", to: descriptor)
  }
}
