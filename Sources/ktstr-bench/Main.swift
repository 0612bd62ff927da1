import Evidence
import Glibc
import HostOS

/// Says where the time of a run goes: medians over several runs of one scenario; or, as
/// `boot-host`, what a guest of our own engine costs the host before it runs.
@main
struct Main {
  private static let runs = 5

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 2 else {
      fail(
        "usage: ktstr-bench KTSTR SCENARIO [OPTION...]\n"
          + "       ktstr-bench boot-host KTSTR KERNEL INITRAMFS", status: 64)
    }
    do {
      if arguments[0] == "boot-host" {
        guard arguments.count == 4 else {
          fail("usage: ktstr-bench boot-host KTSTR KERNEL INITRAMFS", status: 64)
        }
        try BootHost(program: arguments[1], kernel: arguments[2], initramfs: arguments[3]).report()
        return
      }
      try report(program: arguments[0], scenario: Array(arguments[1...]))
    } catch {
      fail("\(error)", status: 3)
    }
  }

  private static func report(program: String, scenario: [String]) throws {
    var breakdowns: [Breakdown] = []
    for number in 1...runs {
      let output = "/tmp/ktstr-bench-\(getpid())-\(number)"
      defer { try? Files.removeTree(output) }
      let began = MonotonicTime.now()
      try run(program, ["test"] + scenario + ["--output", output])
      let wall = MonotonicTime.now().nanoseconds(since: began)
      guard let name = try Files.entries(of: output).first else {
        fail("run \(number) left no run directory", status: 3)
      }
      let milestones = try RunDirectory(path: "\(output)/\(name)").milestones()
      let breakdown = Breakdown(milestones, wall: wall)
      print("run \(number): \(breakdown.line)")
      breakdowns.append(breakdown)
    }
    print("")
    print("medians of \(runs) runs of \(scenario.joined(separator: " ")):")
    for (index, part) in Breakdown.parts.enumerated() {
      let values = breakdowns.map { $0.nanoseconds[index] }.sorted()
      print("  \(padded(part.name, 34)) \(milliseconds(values[values.count / 2]))")
    }
    let walls = breakdowns.map(\.wall).sorted()
    let beyond = breakdowns.map(\.beyondWork).sorted()
    print("  \(padded("whole command", 34)) \(milliseconds(walls[walls.count / 2]))")
    print(
      "  \(padded("beyond the scenario's own work", 34)) \(milliseconds(beyond[beyond.count / 2]))")
  }

  private static func run(_ program: String, _ arguments: [String]) throws {
    var request = ProcessRequest(path: program, arguments: arguments)
    request.descriptors = [.init(2, to: 2)]
    var child = try ChildProcess(spawning: request)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 300_000_000_000)
    guard let status = try child.wait(until: deadline) else {
      fail("\(program) did not end within 300 s", status: 3)
    }
    guard status == .exited(0) else { fail("\(program) \(status)", status: 3) }
  }

  private static func fail(_ message: String, status: CInt) -> Never {
    try? DescriptorIO.write(
      Array("ktstr-bench: \(message)\n".utf8), to: 2, subject: "standard error")
    exit(status)
  }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  static func milliseconds(_ nanoseconds: UInt64) -> String {
    let text = "\(nanoseconds / 1_000_000) ms"
    return String(repeating: " ", count: max(0, 9 - text.count)) + text
  }
}

/// One run's time, part by part.
struct Breakdown {
  /// The parts and the milestones that bound them.
  static let parts: [(name: String, from: Milestone.Name, to: Milestone.Name)] = [
    ("prepare", .prepareStarted, .processStarted),
    ("engine start (process to QEMU)", .processStarted, .engineStarted),
    ("firmware (QEMU to first console)", .engineStarted, .firstConsoleByte),
    ("kernel (first console to init)", .firstConsoleByte, .guestHello),
    ("set up (init to work)", .guestHello, .workStarted),
    ("work", .workStarted, .workEnded),
    ("reports", .workEnded, .guestFinished),
    ("teardown (power off)", .guestFinished, .processEnded),
    ("judge", .processEnded, .judged),
  ]

  /// Time of each part.
  let nanoseconds: [UInt64]
  /// Time of the whole command.
  let wall: UInt64
  /// What the command took besides the work.
  let beyondWork: UInt64

  init(_ milestones: [Milestone], wall: UInt64) {
    func time(_ name: Milestone.Name) -> UInt64? { milestones.first { $0.name == name }?.host }
    let nanoseconds: [UInt64] = Self.parts.map { part in
      guard let from = time(part.from), let to = time(part.to), to > from else { return 0 }
      return to - from
    }
    self.nanoseconds = nanoseconds
    self.wall = wall
    let work = Self.parts.firstIndex { $0.name == "work" }.map { nanoseconds[$0] } ?? 0
    beyondWork = wall > work ? wall - work : 0
  }

  /// All parts in one line.
  var line: String {
    zip(Self.parts, nanoseconds).map { "\($0.name.prefix { $0 != " " }) \($1 / 1_000_000)" }
      .joined(separator: ", ") + " ms"
  }
}
