import Evidence
import Harness
import HostOS
import Machine
import Report
import Scenario
import Verdict

/// Shows a run while it goes on, and what came of it: a live line on terminals, else plain lines.
struct RunDisplay {
  private let console = Console()
  private let format: ReportFormat
  private let isVerbose: Bool
  private let pretty: PrettyReport
  /// Where progress goes: with the report for people, but never into data for machines.
  private let progressDescriptor: CInt
  private let isLive: Bool
  private var title = ""
  private var duration: UInt64 = 0
  private var phase = RunPhase.booting
  private var note = ""
  private var began = MonotonicTime.now()
  private var workBegan: MonotonicTime?
  private var lineIsShown = false

  init(format: ReportFormat, isVerbose: Bool) {
    self.format = format
    self.isVerbose = isVerbose
    let toOutput = format == .pretty
    progressDescriptor = toOutput ? 1 : 2
    isLive =
      (toOutput ? console.outputIsTerminal : console.errorIsTerminal)
      && Console.canRedraw(progressDescriptor)
    pretty = PrettyReport(
      style: Style(isTerminal: toOutput && console.outputIsTerminal && Console.wantsColor),
      isVerbose: isVerbose)
  }

  /// Says which engine will run, and why.
  func begin(engine: EngineChoice) {
    line("engine \(engine.engine.rawValue): \(engine.account)")
  }

  mutating func start(scenario: Scenario, kernel: String) {
    title = "\(scenario.name)  \(kernel)"
    duration = scenario.durationNanoseconds
    note = ""
    began = .now()
    workBegan = nil
    phase = .booting
    if !isLive { line("start  \(title)") }
    redraw("preparing")
  }

  mutating func take(_ event: RunnerEvent) {
    switch event {
    case .started(let directory, _):
      phase = .booting
      workBegan = nil
      if isVerbose { line("    evidence: \(directory.path)") }
    case .phase(let phase):
      self.phase = phase
      if phase == .working { workBegan = .now() }
      if isVerbose && !isLive { line("    \(words)") }
    case .warning(let text): line("    warning: \(PlainText.line(text))")
    case .tick: break
    case .judging:
      redraw("judging")
      return
    case .retrying(let fault):
      note = "retry: "
      line("    engine fault, trying once more: \(PlainText.line(fault))")
    }
    redraw(words)
  }

  mutating func finish(_ run: ReportedRun) {
    clear()
    if format == .pretty {
      console.out(pretty.run(run))
    } else if isVerbose || isLive {
      console.error("\(run.verdict.status.word)  \(title)")
    }
  }

  /// Shows a run that nobody watched.
  func show(_ run: ReportedRun) {
    if format == .pretty { console.out(pretty.run(run)) }
  }

  /// Says that the user stopped it all; the directory is that of a run cut short.
  mutating func interrupted(keeping directory: String?) {
    clear()
    let kept = directory.map { "; what there was is kept in \($0)" } ?? " between two runs"
    console.error("ktstr: interrupted\(kept)")
  }

  func end(_ runs: [ReportedRun], status: Harness.ExitCode) throws {
    switch format {
    case .pretty: console.out(pretty.summary(runs))
    case .json: try console.report(try JSONReport(runs, exitStatus: status.rawValue).text())
    case .junit: try console.report(JUnitReport(runs).text)
    }
  }

  /// Takes the live line away.
  mutating func clear() {
    guard lineIsShown else { return }
    console.raw("\r\u{1b}[K", to: progressDescriptor)
    lineIsShown = false
  }

  private var words: String {
    switch phase {
    case .booting: "booting \(Self.seconds(since: began)) s"
    case .settingUp: "setting up"
    case .working:
      "running \(Self.seconds(since: workBegan ?? began))/\(Self.tenths(duration)) s"
    case .draining: "collecting reports"
    case .poweringOff: "powering off"
    case .ended: "ended"
    }
  }

  private mutating func redraw(_ words: String) {
    guard isLive else { return }
    let width = Console.columns(of: progressDescriptor) - 1
    // What is cut on a narrow terminal is the title, which the user knows.
    let status = "\(note)\(words)"
    let text = String("\(title.prefix(max(0, width - status.count - 2)))  \(status)".prefix(width))
    console.raw("\r\u{1b}[K\(text)", to: progressDescriptor)
    lineIsShown = true
  }

  private func line(_ text: String) {
    if progressDescriptor == 1 {
      console.raw((lineIsShown ? "\r\u{1b}[K" : "") + text + "\n", to: 1)
    } else if isVerbose || isLive {
      console.raw((lineIsShown ? "\r\u{1b}[K" : "") + text + "\n", to: 2)
    }
  }

  private static func seconds(since start: MonotonicTime) -> String {
    tenths(MonotonicTime.now().nanoseconds(since: start))
  }

  private static func tenths(_ nanoseconds: UInt64) -> String {
    let value = nanoseconds / 100_000_000
    return "\(value / 10).\(value % 10)"
  }
}
