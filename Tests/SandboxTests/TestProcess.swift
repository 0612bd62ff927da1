import Glibc
import HostOS
import Testing

/// What the body of an exit test uses: it cannot tell its parent of an error but by words.
enum TestProcess {
  /// Runs a body on a thread of its own, which may bind itself for good, and ends the process: with
  /// status 0, or with 1 and the error on standard error.
  static func run(_ body: @escaping @Sendable () throws -> Void) -> Never {
    do {
      try onThread(seconds: 60, body)
      _exit(0)
    } catch {
      fail("\(error)")
    }
  }

  /// Says what is wrong and ends the process.
  static func fail(_ text: String) -> Never {
    let line = Array("failed: \(text)\n".utf8)
    _ = write(2, line, line.count)
    _exit(1)
  }

  /// Like `#expect`, which needs files and clocks that a bound thread may not have.
  static func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
    if !condition { fail(text()) }
  }
}

extension ExitTest.Result {
  /// What the process said, after bytes that the testing library puts there.
  var words: String { String(decoding: standardErrorContent, as: UTF8.self) }

  /// What it said of its failure, if there was one.
  var failure: Substring? {
    words.split(separator: "\n").first { $0.contains("failed: ") }
  }
}
