import Evidence
import Verdict

/// The report for people: a block for each run that did not pass, and a table of all.
package struct PrettyReport: Sendable {
  private static let openChecksShown = 3
  private static let excerptLinesShown = 8

  private let style: Style
  private let isVerbose: Bool

  /// Makes reports in a style; verbose ones list the checks that passed, too.
  package init(style: Style, isVerbose: Bool) {
    self.style = style
    self.isVerbose = isVerbose
  }

  /// What is said of a run as soon as it is over.
  package func run(_ run: ReportedRun) -> [String] {
    let verdict = run.verdict
    var lines = [
      "\(style.colored(verdict.status.word, as: verdict.status))  "
        + "\(style.bold(PlainText.line(run.identity.scenario)))  "
        + "\(PlainText.line(run.identity.kernel.id))  "
        + "\(run.identity.engine)  \(Self.seconds(run.wallNanoseconds))  "
        + PlainText.line(verdict.headline)
    ]
    if let repeated = run.repeated {
      lines.append(
        "    retried: the first attempt met a fault of the engine, not of the guest: "
          + "\(PlainText.line(repeated.fault)) (\(PlainText.line(repeated.directory)))")
    }
    let decided = verdict.checks.filter { $0.status == .fail || $0.status == .error }
    let open = verdict.checks.filter { $0.status == .inconclusive }
    let unchecked = verdict.checks.filter { $0.status == .unchecked }
    // A run that failed early leaves much unjudged, which must not bury the reason.
    let shown = isVerbose ? verdict.checks : decided + open.prefix(Self.openChecksShown) + unchecked
    for check in shown { lines += self.lines(of: check) }
    let hidden = isVerbose ? 0 : open.count - min(open.count, Self.openChecksShown)
    if hidden > 0 {
      lines.append("    and \(hidden) more inconclusive checks; --verbose lists them")
    }
    if !isVerbose, !verdict.checks.isEmpty {
      lines.append("    " + style.dim("checked: \(verdict.checkedText)"))
    }
    if verdict.status != .pass || isVerbose {
      lines.append("    evidence: \(PlainText.line(run.directory))")
    }
    return lines
  }

  /// One check: status, what it is about, the sentence, and what the kernel said.
  private func lines(of check: CheckResult) -> [String] {
    let word =
      check.isExpected == true
      ? style.colored(Self.padded("as expected", 12), as: CheckStatus.pass)
      : style.colored(Self.padded(check.status.rawValue, 12), as: check.status)
    let limit = check.limit.map { " [limit: \($0.text)]" } ?? ""
    var lines = [
      "    \(word)  \(check.id.rawValue)  "
        + "\(PlainText.line(check.detail))\(style.dim(limit))"
    ]
    guard let excerpt = check.excerpt, check.status != .pass else { return lines }
    let all = excerpt.split(whereSeparator: \.isNewline)
    let count = isVerbose ? 60 : Self.excerptLinesShown
    for text in check.excerptIsTail == true ? all.suffix(count) : all.prefix(count) {
      lines.append("      | " + style.dim(PlainText.line(text)))
    }
    return lines
  }

  /// The table of all runs: scenarios down, and kernels across when there is more than one.
  ///
  /// A scenario that was run more than once has a row for each time.
  package func summary(_ runs: [ReportedRun]) -> [String] {
    guard runs.count > 1 else { return [] }
    let kernels = Self.unique(runs.map(\.identity.kernel.id))
    let paths = Self.unique(runs.map(\.identity.scenarioPath))
    var rows: [[Cell]] = [[Cell("scenario")] + kernels.map { Cell($0) }]
    for path in paths {
      let ofScenario = runs.filter { $0.identity.scenarioPath == path }
      let columns = kernels.map { id in ofScenario.filter { $0.identity.kernel.id == id } }
      let name = ofScenario.first?.identity.scenario ?? path
      for time in 0..<(columns.map(\.count).max() ?? 0) {
        rows.append(
          [Cell(time == 0 ? name : "\(name) (\(time + 1))")]
            + columns.map { column in
              guard column.indices.contains(time) else { return Cell("-") }
              return Cell(Self.word(column[time]), status: column[time].verdict.status)
            })
      }
    }
    return [""] + table(rows) + ["", totals(runs)]
  }

  private struct Cell {
    var text: String
    var status: VerdictStatus?

    init(_ text: String, status: VerdictStatus? = nil) {
      self.text = PlainText.line(text)
      self.status = status
    }
  }

  private func table(_ rows: [[Cell]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].text.count }.max() ?? 0
    }
    return rows.map { row in
      zip(row, widths).map { cell, width in
        let text = Self.padded(cell.text, width)
        return cell.status.map { style.colored(text, as: $0) } ?? text
      }.joined(separator: "  ").trimmingTrailingSpaces
    }
  }

  private func totals(_ runs: [ReportedRun]) -> String {
    let parts = VerdictStatus.allCases.compactMap { status -> String? in
      let count = runs.filter { $0.verdict.status == status }.count
      return count == 0 ? nil : "\(count) \(status.rawValue)"
    }
    return "\(runs.count) runs: " + parts.joined(separator: ", ")
  }

  private static func word(_ run: ReportedRun) -> String {
    run.repeated == nil ? run.verdict.status.word : run.verdict.status.word + " (retried)"
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func seconds(_ nanoseconds: UInt64) -> String {
    let tenths = (nanoseconds + 50_000_000) / 100_000_000
    return "\(tenths / 10).\(tenths % 10) s"
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
