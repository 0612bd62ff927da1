import ArgumentParser
import Harness

/// Ends a command: one line for people, and the exit status.
struct CommandFailure: Error {
  let lines: [String]
  let status: Harness.ExitCode

  init(_ line: String, _ status: Harness.ExitCode) {
    self.lines = [line]
    self.status = status
  }

  init(_ lines: [String], _ status: Harness.ExitCode) {
    self.lines = lines
    self.status = status
  }
}

/// Runs a command's body; a failure is printed as `ktstr: ...` and becomes the exit status.
///
/// - Throws: ArgumentParser's `ExitCode`.
func reportingFailures(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let failure as CommandFailure {
    for line in failure.lines { Console().error("ktstr: \(line)") }
    throw ArgumentParser.ExitCode(failure.status.rawValue)
  } catch let code as ArgumentParser.ExitCode {
    throw code
  } catch {
    Console().error("ktstr: \(error)")
    throw ArgumentParser.ExitCode(Harness.ExitCode.harnessFailed.rawValue)
  }
}
