internal import CGuest
internal import GuestLogic
internal import Wire

/// Init's run on the machine at hand: what its samples and its starts are at native speed.
///
///     guest-bench WORKERS SECONDS RUNS processes|threads
///
/// `.ci/bench-init` gives it the places that it expects of a guest.
@main enum GuestBench {
  static func main() {
    let words = arguments
    guard words.count == 5, let workers = UInt32(words[1]), let seconds = UInt64(words[2]),
      let runs = UInt32(words[3])
    else {
      say("usage: guest-bench WORKERS SECONDS RUNS processes|threads")
      guest_exit(2)
    }
    guest_init_signals()
    let plan = plan(
      workers, duration: seconds.multipliedReportingOverflow(by: Time.second).partialValue,
      areThreads: words[4].isSame(as: "threads"))
    for _ in 0..<runs { run(plan) }
  }

  /// `argv`, which Embedded Swift has no other way to.
  private static var arguments: [String] {
    Files.contents("/proc/self/cmdline").split(separator: 0).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private static func plan(_ workers: UInt32, duration: UInt64, areThreads: Bool) -> Plan {
    Plan(
      mode: .run, runID: 1, seed: 1, durationNanoseconds: duration,
      sampleIntervalNanoseconds: 100 * Time.millisecond, drainNanoseconds: 5 * Time.second,
      cpus: Facts.onlineCPUs, needsDisk: false, cgroups: [],
      work: [
        WorkPlan(name: "spin", kind: .spin, workers: workers, cgroup: nil, areThreads: areThreads)
      ])
  }

  /// One run of the plan, with a child for the host.
  private static func run(_ plan: Plan) {
    var ends: [Int32] = [-1, -1]
    guard unsafe guest_pipe(&ends) >= 0 else {
      say("no pipe")
      guest_exit(1)
    }
    let host = guest_fork()
    if host == 0 {
      guest_child_signals()
      guest_close(ends[1])
      hear(ends[0])
    }
    guest_close(ends[0])
    var telemetry = Telemetry()
    telemetry.open(
      ends[1],
      greeting: Hello(
        runID: plan.runID, monotonic: Time.now, realtime: guest_realtime(),
        release: Facts.release, cpus: plan.cpus, memory: Facts.memory,
        clockSource: Facts.clockSource))
    Guest.run(plan, &telemetry)
  }

  /// Reads the stream of events to its end, and says what is said for people.
  private static func hear(_ descriptor: Int32) -> Never {
    var frames = FrameReader()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe guest_read(descriptor, &chunk, chunk.count)
      guard count > 0 else { guest_exit(0) }
      frames.append(chunk[0..<count])
      while let reading = frames.next() {
        guard case .frame(let frame) = reading else {
          say("a frame is broken")
          continue
        }
        do throws(WireError) { tell(try Event(decoding: frame)) } catch { say(error.text) }
      }
    }
  }

  private static func tell(_ event: Event?) {
    switch event {
    case .log(let text): say(text)
    case .problem(let problem): say("problem: " + problem.text)
    default: break
    }
  }

  private static func say(_ text: String) {
    let bytes = [UInt8]((text + "\n").utf8)
    _ = unsafe guest_write(1, bytes, bytes.count)
  }
}
