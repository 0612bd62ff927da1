import Glibc

/// Ends the process, with the input kept by the fuzzer, when what must hold does not.
func check(
  _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition { fail(message(), file: file, line: line) }
}

/// Ends the process, with the input kept by the fuzzer.
func fail(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
  var text = "fuzz: \(file):\(line): \(message)\n"
  text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
  abort()
}
