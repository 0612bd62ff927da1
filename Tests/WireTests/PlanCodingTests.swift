import Testing
import Wire

@Suite struct PlanCodingTests {
  /// A plan's bytes with another body, its length and checksum made to fit.
  private static func sealed(_ body: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint32(Plan.magic)
    writer.uint16(Plan.version)
    writer.uint16(0)
    writer.uint32(UInt32(body.count))
    writer.uint32(CRC32C.checksum(body))
    writer.raw(body)
    return writer.bytes
  }

  private static func error(_ bytes: [UInt8]) -> WireError? {
    do throws(WireError) {
      _ = try Plan(decoding: bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a plan comes back as it was`() throws {
    #expect(try Plan(decoding: Examples.plan.encoded()) == Examples.plan)
    var shell = Examples.plan
    shell.mode = .shell(columns: 132, rows: 43)
    shell.cgroups = []
    shell.work = []
    shell.payloads = []
    shell.phases = []
    shell.steps = []
    shell.needsDisk = false
    #expect(try Plan(decoding: shell.encoded()) == shell)
  }

  @Test func `a program's plan comes back as it was, and cut anywhere is refused`() throws {
    var plan = Examples.plan
    plan.mode = .program(
      ProgramPlan(
        path: "/bin/p", arguments: ["p", "", "-ü", String(repeating: "x", count: 100_000)],
        environment: ["A=b", "C="], directory: "/", modules: ["/ktstr/modules/exec/00-a.ko"]))
    let bytes = plan.encoded()
    #expect(try Plan(decoding: bytes) == plan)
    for length in [0, 15, 16, 17, 40, 200, bytes.count / 2, bytes.count - 1] {
      #expect(Self.error(Array(bytes[..<length])) != nil, "\(length)")
    }
    // Counts that no body holds.
    let body = Array(bytes[16...])
    for index in 1..<64 {
      var changed = body
      changed[index] = 0xff
      _ = Self.error(Self.sealed(changed))
    }
  }

  @Test func `a plan has these bytes`() {
    var plan = Examples.plan
    plan.cgroups = [
      CgroupPlan(path: "a", settings: [.init(file: "f", value: "v")], comesLater: true)
    ]
    plan.schedulers = []
    plan.payloads = []
    plan.work = [
      WorkPlan(
        name: "w", kind: .wakeChain(busyNanoseconds: 0x0201), workers: 3, cgroup: 0,
        policy: .fifo(priority: 9), nice: -2, affinity: [CPUSet([1, 65])], areThreads: true,
        startsLater: true)
    ]
    plan.phases = [
      PhasePlan(
        name: "p",
        actions: [.freezeCgroup(0, isFrozen: true), .setCPUs(CPUSet([1]), isOnline: false)],
        hold: .until(PhaseCondition(work: 0, metric: .iterations(5)), limitNanoseconds: 6))
    ]
    plan.steps = [0]
    plan.measures = MeasurePlan(pages: true, latencies: [.init(work: 0, kind: .request)])
    let body: [UInt8] = [
      0x00,  // mode: run
      0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01,  // run id
      42, 0, 0, 0, 0, 0, 0, 0,  // seed
      0x00, 0x5e, 0xd0, 0xb2, 0, 0, 0, 0,  // 3 s
      0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0,  // 100 ms
      0x00, 0xf2, 0x05, 0x2a, 1, 0, 0, 0,  // 5 s
      2, 0, 0, 0,  // CPUs
      1,  // needs the disk
      1, 0, 0, 0,  // cgroups
      1, 0, 0x61, 1,  // "a", comes later
      1, 0,  // settings
      1, 0, 0x66, 1, 0, 0x76,  // "f", "v"
      1, 0, 0, 0,  // work
      1, 0, 0x77,  // "w"
      3, 0, 0, 0,  // workers
      0, 0, 0, 0,  // cgroup
      1, 9,  // SCHED_FIFO, priority
      0xfe,  // nice
      1, 1,  // threads, starts later
      1, 0,  // sets of CPUs
      2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,  // words
      11, 1, 2, 0, 0, 0, 0, 0, 0,  // wakeChain, busy
      0, 0,  // schedulers
      0, 0,  // payloads
      1, 0, 0, 0,  // phases
      1, 0, 0x70,  // "p"
      1, 5, 0, 0, 0, 0, 0, 0, 0,  // until so many iterations
      0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,  // of the first group, within 6 ns
      2, 0,  // actions
      4, 0, 0, 0, 0, 1,  // freeze the first cgroup
      10, 0, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0,  // take CPU 1 off
      1, 0, 0, 0, 0, 0, 0, 0,  // steps
      1, 1, 0, 0, 0, 2,  // pages; request latencies of the first group
    ]
    #expect(
      Array(plan.encoded().prefix(12)) == [
        0x4b, 0x50, 0x4c, 0x4e,  // magic "KPLN"
        0x04, 0x00,  // version
        0x00, 0x00,  // reserved
        UInt8(body.count & 0xff), UInt8(body.count >> 8), 0, 0,  // length
      ])
    #expect(plan.encoded() == Self.sealed(body))
  }

  @Test func `a cut plan is an error at every length`() {
    let bytes = Examples.plan.encoded()
    for length in 0..<bytes.count {
      #expect(Self.error(Array(bytes.prefix(length))) != nil, "cut to \(length)")
    }
  }

  @Test func `a body cut anywhere is an error even with the right checksum`() {
    let body = Array(Examples.plan.encoded().dropFirst(16))
    for length in 0..<body.count {
      #expect(Self.error(Self.sealed(Array(body.prefix(length)))) != nil, "cut to \(length)")
    }
  }

  @Test func `one flipped bit anywhere is an error`() {
    let bytes = Examples.plan.encoded()
    for index in bytes.indices {
      // Every bit of the header; of the body, which is the checksum's, one of each byte.
      for bit in index < 16 ? 0..<8 : index % 8..<index % 8 + 1 {
        var flipped = bytes
        flipped[index] ^= 1 << UInt8(bit)
        #expect(Self.error(flipped) != nil, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test func `what the header says is checked`() {
    let bytes = Examples.plan.encoded()
    func changed(_ index: Int, _ value: UInt8) -> WireError? {
      var bytes = bytes
      bytes[index] = value
      return Self.error(bytes)
    }
    #expect(changed(0, 0) == .badMagic(found: 0x4e4c_5000, expected: 0x4e4c_504b))
    #expect(changed(4, 1) == .unsupportedVersion(1))
    #expect(changed(4, 9) == .unsupportedVersion(9))
    #expect(changed(6, 1) == .badValue(offset: 6, value: 1))
    #expect(
      changed(11, 0xff)
        == .truncated(
          offset: 16, needed: 0xff00_0000 + bytes.count - 16, available: bytes.count - 16))
    #expect(Self.error(bytes + [0, 0]) == .badValue(offset: bytes.count, value: 2))
  }

  @Test func `what a plan says is checked behind a right checksum`() {
    let body = Array(Examples.plan.encoded().dropFirst(16))
    func changed(_ index: Int, _ value: UInt8) -> WireError? {
      var body = body
      body[index] = value
      return Self.error(Self.sealed(body))
    }
    #expect(changed(0, 3) == .badValue(offset: 0, value: 3))  // mode
    #expect(changed(45, 2) == .badValue(offset: 45, value: 2))  // needs the disk
    #expect(Self.error(Self.sealed(body + [0])) == .badValue(offset: body.count, value: 1))
    var stray = Examples.plan
    stray.work[0].cgroup = 2
    #expect(Self.error(stray.encoded()) != nil)
    stray = Examples.plan
    stray.payloads[0].cgroup = 2
    #expect(Self.error(stray.encoded()) != nil)
  }

  @Test(arguments: Examples.kinds)
  func `each kind of work is read or refused however its bytes are damaged`(kind: WorkKind) throws {
    var plan = Examples.plan
    plan.phases = []
    plan.steps = []
    plan.work = [WorkPlan(name: "", kind: kind, workers: 1, cgroup: nil)]
    let body = Array(plan.encoded().dropFirst(16))
    #expect(try Plan(decoding: plan.encoded()) == plan)
    // The group's bytes, with no phases and no steps behind them.
    let start = body.count - Self.size(of: plan, from: body) - 8
    for index in start..<body.count {
      for value: UInt8 in [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff] {
        var damaged = body
        damaged[index] = value
        do throws(WireError) {
          let read = try Plan(decoding: Self.sealed(damaged))
          #expect(try Plan(decoding: read.encoded()) == read, "byte \(index)")
        } catch {
          continue
        }
      }
    }
  }

  /// Bytes of the only group of work.
  private static func size(of plan: Plan, from body: [UInt8]) -> Int {
    var without = plan
    without.work = []
    return body.count - (without.encoded().count - 16)
  }

  @Test func `what cannot be is refused with its place`() throws {
    var plan = Examples.plan
    plan.phases = []
    plan.steps = []
    plan.work = [
      WorkPlan(
        name: "w", kind: .cgroupChurn(dwellNanoseconds: 1, first: 1, count: 2), workers: 1,
        cgroup: nil)
    ]
    // Two cgroups from the second of two on.
    #expect(Self.error(plan.encoded()) != nil)
    plan.work[0].kind = .cgroupChurn(dwellNanoseconds: 1, first: .max, count: .max)
    #expect(Self.error(plan.encoded()) != nil)
    plan.work[0].kind = .cgroupChurn(dwellNanoseconds: 1, first: 0, count: 0)
    #expect(Self.error(plan.encoded()) != nil)
    plan.work[0].kind = .spin
    plan.work[0].nice = 20
    #expect(Self.error(plan.encoded()) != nil)
    plan.work[0].nice = 19
    #expect(try Plan(decoding: plan.encoded()) == plan)
    // An empty set is no place to run.
    plan.work[0].affinity = [CPUSet([Int]())]
    #expect(Self.error(plan.encoded()) != nil)
  }

  @Test func `a phase that points to what the plan does not have is refused`() {
    func isRefused(_ change: (inout Plan) -> Void) -> Bool {
      var plan = Examples.plan
      change(&plan)
      return Self.error(plan.encoded()) != nil
    }
    #expect(!isRefused { $0.steps = [] })
    #expect(isRefused { $0.steps = [3] })
    #expect(isRefused { $0.phases[0].actions = [.createCgroup(2)] })
    #expect(isRefused { $0.phases[0].actions = [.setCgroup(2, [])] })
    #expect(isRefused { $0.phases[0].actions = [.freezeCgroup(.max, isFrozen: true)] })
    #expect(isRefused { $0.phases[0].actions = [.moveWork(0, cgroup: 2)] })
    #expect(isRefused { plan in plan.phases[0].actions = [.startWork(UInt32(plan.work.count))] })
    #expect(isRefused { $0.phases[0].actions = [.setCPUs(CPUSet([Int]()), isOnline: true)] })
    #expect(isRefused { $0.phases[0].actions = [.setPolicy(0, .normal, nice: 20)] })
    #expect(isRefused { $0.phases[0].actions = [.startScheduler(2)] })
    #expect(isRefused { $0.phases[0].actions = [.stopScheduler(.max)] })
    #expect(isRefused { $0.phases[0].actions = [.replaceScheduler(2, with: 0)] })
    #expect(isRefused { $0.phases[0].actions = [.replaceScheduler(0, with: 2)] })
    #expect(isRefused { $0.phases[0].actions = [.runPayload(2, waits: false)] })
    #expect(
      isRefused { plan in
        let stray = PhaseCondition(work: UInt32(plan.work.count), metric: .iterations(1))
        plan.phases[0].hold = .until(stray, limitNanoseconds: 1)
      })
  }

  @Test func `what actions may take is counted with their repetitions and their own bounds`() {
    var plan = Examples.plan
    let usual = Plan.actionAllowanceNanoseconds
    // Starts of 1 and 3, stops of twice 2 and 4, and a payload of 5 that is told to end and killed.
    let companions: UInt64 = 1 + 2 * 4 + (2 * 2 + 3) + (5 + 4_000_000_000)
    #expect(
      plan.longestWorkNanoseconds
        == plan.durationNanoseconds + (2 * 9 + 11) * usual + companions)
    plan.durationNanoseconds = .max - 1
    #expect(plan.longestWorkNanoseconds == .max)
    plan.steps = []
    #expect(plan.longestWorkNanoseconds == UInt64.max - 1)
    // What a plan of another's making may have.
    plan.phases[0].actions = [.startScheduler(9), .stopScheduler(9), .runPayload(9, waits: true)]
    plan.durationNanoseconds = 0
    plan.steps = [0, 77]
    #expect(plan.longestWorkNanoseconds == 3 * usual)
    #expect([0, 1, 2, 5, 7, 8].rangesText == "0-2,5,7-8")
    #expect([Int]().rangesText == "")
  }

  @Test func `sets of CPUs have one form`() {
    #expect(CPUSet([5, 1, 64, 1]).cpus == [1, 5, 64])
    #expect(CPUSet(words: [2, 0, 0]) == CPUSet([1]))
    #expect(CPUSet([-1, 1 << 20]).isEmpty)
  }

  @Test func `mutated bodies never trap`() {
    let seed: UInt64 = 0x706c_616e
    var generator = SeededGenerator(seed: seed)
    let body = Array(Examples.plan.encoded().dropFirst(16))
    var errors = 0
    for round in 0..<4_000 {
      var mutated = body
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<mutated.count, using: &generator)
        mutated[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
      }
      do throws(WireError) {
        let plan = try Plan(decoding: Self.sealed(mutated))
        #expect(try Plan(decoding: plan.encoded()) == plan, "seed \(seed), round \(round)")
      } catch {
        errors += 1
      }
    }
    #expect(errors > 1_000)
  }
}
