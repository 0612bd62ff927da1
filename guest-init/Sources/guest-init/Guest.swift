internal import CGuest
internal import GuestLogic
internal import Wire

/// The guest's life, in order.
struct Guest: ~Copyable {
  private let entered: UInt64
  private var telemetry = Telemetry()

  private static let shellPortLimit = 200 * Time.millisecond
  private static let settleLimit = 5 * Time.second

  init(entered: UInt64) {
    self.entered = entered
  }

  /// Lives until nothing is left but to power off.
  mutating func live() {
    guard setUp() else { return }
    var plan: Plan?
    do throws(Failure) {
      plan = try Self.readPlan()
    } catch {
      telemetry.post(error.problem(isFatal: true))
      Console.say(error.line)
    }
    var shell: (columns: UInt16, rows: UInt16)?
    if case .shell(let columns, let rows) = plan?.mode { shell = (columns, rows) }
    var program: ProgramPlan?
    if case .program(let order) = plan?.mode { program = order }
    Console.enter("open the telemetry port")
    let isOpen = openPort(
      plan, within: shell == nil ? Port.limit : Self.shellPortLimit, hears: program != nil)
    if let shell {
      Shell.run(columns: shell.columns, rows: shell.rows)
    } else if let plan {
      guard isOpen else {
        Console.say(Port.absence)
        return
      }
      if let program {
        Self.run(program, of: plan, &telemetry)
      } else {
        Self.run(plan, &telemetry)
      }
    }
    finish()
  }

  /// Mounts, checks the archive, loads modules; false when there is nothing to go on with.
  private mutating func setUp() -> Bool {
    guest_init_signals()
    guest_fatal_handlers_install()
    Console.enter("mount")
    for failure in Mounts.mountAll() { telemetry.post(failure.problem(isFatal: false)) }
    telemetry.post(.log("init entered at \(entered) ns"))
    telemetry.reached(.mounted)
    guard Files.exists(Plan.baseSentinelPath) else {
      Console.say("base archive is truncated: no " + Plan.baseSentinelPath)
      return false
    }
    Console.enter("load modules")
    for failure in Modules.loadAll() {
      telemetry.post(failure.problem(isFatal: false))
      Console.say(failure.line)
    }
    telemetry.reached(.modulesLoaded)
    return true
  }

  private static func readPlan() throws(Failure) -> Plan {
    Console.enter("read the plan")
    let bytes = try Files.read(Plan.guestPath, limit: 16 << 20)
    do throws(WireError) {
      return try Plan(decoding: bytes)
    } catch {
      throw Failure("read " + Plan.guestPath + ": " + error.text)
    }
  }

  private mutating func openPort(_ plan: Plan?, within limit: UInt64, hears: Bool) -> Bool {
    guard let port = Port.open(within: limit, hears: hears) else { return false }
    telemetry.open(
      port,
      greeting: Hello(
        runID: plan?.runID ?? 0, monotonic: Time.now, realtime: guest_realtime(),
        release: Facts.release, cpus: Facts.onlineCPUs, memory: Facts.memory,
        clockSource: Facts.clockSource))
    telemetry.flush()
    return true
  }

  /// The last word, and the wait until the host has it.
  private mutating func finish() {
    Console.enter("finish")
    sync()
    telemetry.begin(until: Time.after(Telemetry.patience))
    telemetry.flush()
    telemetry.post(
      .finished(Finished(monotonic: Time.now, droppedEvents: telemetry.dropped)))
    telemetry.settle(within: Self.settleLimit)
    if telemetry.dropped > 0 {
      Console.say("\(telemetry.dropped) events did not reach the host")
    }
  }

  /// Flushes file systems, in a child: a stuck disk would keep init for ever.
  private mutating func sync() {
    do throws(Failure) {
      _ = try Helper.run("sync", limit: 5 * Time.second) { line in
        line.doing("sync")
        guest_sync()
      }
    } catch {
      telemetry.post(error.problem(isFatal: false))
    }
  }
}

extension WireError {
  /// For people.
  var text: String {
    switch self {
    case .truncated(let offset, let needed, let available):
      "cut short at byte \(offset): \(needed) bytes wanted, \(available) there"
    case .badMagic(let found, _): "wrong magic \(found)"
    case .unsupportedVersion(let version): "version \(version) is not known"
    case .badChecksum(let found, let computed):
      "checksum \(found) does not fit the content (\(computed))"
    case .badValue(let offset, let value): "value \(value) at byte \(offset) makes no sense"
    case .badText(let offset): "text at byte \(offset) is not UTF-8"
    }
  }
}
