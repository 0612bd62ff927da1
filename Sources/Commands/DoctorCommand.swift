package import ArgumentParser
import Glibc
import Harness
import HostOS
import KVM
import Kernels
import Machine
import Report
import SystemPackage

/// `ktstr doctor`: says whether `ktstr test` would work here, and what to do where it would not.
package struct DoctorCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says whether `ktstr test` works on this host, and what mends what does not.",
    discussion: "Exit status: 0 when `ktstr test` would work, 3 when not.")

  package init() {}

  package func run() throws {
    try reportingFailures {
      let findings = HostExamination().findings()
      let console = Console()
      let marks = DoctorMarks(isTerminal: console.outputIsTerminal)
      for finding in findings {
        console.out("\(marks.mark(of: finding.level))  \(finding.subject): \(finding.text)")
        if let remedy = finding.remedy { console.out("       mend it: \(remedy)") }
      }
      if findings.contains(where: { $0.level == .broken }) {
        throw ArgumentParser.ExitCode(Harness.ExitCode.harnessFailed.rawValue)
      }
    }
  }
}

/// The words at the beginning of each line, coloured on terminals.
private struct DoctorMarks {
  let isTerminal: Bool

  func mark(of level: Finding.Level) -> String {
    switch level {
    case .good: colored("ok   ", "32")
    case .limited: colored("note ", "33")
    case .broken: colored("FAIL ", "1;31")
    }
  }

  private func colored(_ text: String, _ code: String) -> String {
    isTerminal ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}
