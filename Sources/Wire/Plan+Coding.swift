extension Plan {
  private static let headerSize = 16

  /// The plan as bytes, with header and checksum.
  package func encoded() -> [UInt8] {
    var body = ByteWriter()
    switch mode {
    case .run:
      body.uint8(0)
    case .shell(let columns, let rows):
      body.uint8(1)
      body.uint16(columns)
      body.uint16(rows)
    case .program(let program):
      body.uint8(2)
      program.encode(into: &body)
    }
    body.uint64(runID)
    body.uint64(seed)
    body.uint64(durationNanoseconds)
    body.uint64(sampleIntervalNanoseconds)
    body.uint64(drainNanoseconds)
    body.uint32(cpus)
    body.uint8(needsDisk ? 1 : 0)
    body.uint32(UInt32(cgroups.count))
    for cgroup in cgroups {
      body.string(cgroup.path)
      body.uint8(cgroup.comesLater ? 1 : 0)
      body.settings(cgroup.settings)
    }
    body.uint32(UInt32(work.count))
    for group in work { group.encode(into: &body) }
    body.uint16(UInt16(truncatingIfNeeded: schedulers.count))
    for scheduler in schedulers { scheduler.encode(into: &body) }
    body.uint16(UInt16(truncatingIfNeeded: payloads.count))
    for payload in payloads { payload.encode(into: &body) }
    body.uint32(UInt32(phases.count))
    for phase in phases { phase.encode(into: &body) }
    body.uint32(UInt32(steps.count))
    for step in steps { body.uint32(step) }
    measures.encode(into: &body)
    var writer = ByteWriter()
    writer.uint32(Self.magic)
    writer.uint16(Self.version)
    writer.uint16(0)
    writer.uint32(UInt32(body.bytes.count))
    writer.uint32(CRC32C.checksum(body.bytes))
    writer.raw(body.bytes)
    return writer.bytes
  }

  /// Reads a plan back.
  ///
  /// - Throws: ``WireError`` for anything that `encoded` did not write.
  package init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    let magic = try reader.uint32()
    guard magic == Self.magic else { throw .badMagic(found: magic, expected: Self.magic) }
    let version = try reader.uint16()
    guard version == Self.version else { throw .unsupportedVersion(version) }
    let reserved = try reader.uint16()
    guard reserved == 0 else { throw .badValue(offset: 6, value: UInt64(reserved)) }
    let length = try reader.uint32()
    let checksum = try reader.uint32()
    let bodyBytes = try reader.take(Int(length))
    let computed = CRC32C.checksum(bodyBytes)
    guard computed == checksum else { throw .badChecksum(found: checksum, computed: computed) }
    try Self.requireEnd(of: reader)

    var body = ByteReader(bodyBytes)
    let mode = try Self.mode(from: &body)
    let runID = try body.uint64()
    let seed = try body.uint64()
    let duration = try body.uint64()
    let interval = try body.uint64()
    let drain = try body.uint64()
    let cpus = try body.uint32()
    let needsDisk = try body.flag()
    var cgroups: [CgroupPlan] = []
    for _ in 0..<(try body.uint32()) {
      let path = try body.string()
      let comesLater = try body.flag()
      cgroups.append(
        CgroupPlan(path: path, settings: try body.settings(), comesLater: comesLater))
    }
    var work: [WorkPlan] = []
    for _ in 0..<(try body.uint32()) {
      work.append(try WorkPlan(from: &body, cgroups: cgroups.count))
    }
    var schedulers: [SchedulerPlan] = []
    for _ in 0..<(try body.uint16()) { schedulers.append(try SchedulerPlan(from: &body)) }
    var payloads: [PayloadPlan] = []
    for _ in 0..<(try body.uint16()) {
      payloads.append(try PayloadPlan(from: &body, cgroups: cgroups.count))
    }
    let room = PhasePlan.Room(
      cgroups: cgroups.count, work: work.count, schedulers: schedulers.count,
      payloads: payloads.count)
    var phases: [PhasePlan] = []
    for _ in 0..<(try body.uint32()) {
      phases.append(try PhasePlan(from: &body, room: room))
    }
    var steps: [UInt32] = []
    for _ in 0..<(try body.uint32()) { steps.append(try body.index(below: phases.count)) }
    let measures = try MeasurePlan(from: &body, work: work.count)
    try Self.requireEnd(of: body)
    self.init(
      mode: mode, runID: runID, seed: seed, durationNanoseconds: duration,
      sampleIntervalNanoseconds: interval, drainNanoseconds: drain, cpus: cpus,
      needsDisk: needsDisk, cgroups: cgroups, work: work, schedulers: schedulers,
      payloads: payloads, phases: phases, steps: steps, measures: measures)
  }

  /// Nothing may follow: bytes that this build would not read could change what a plan means.
  private static func requireEnd(of reader: ByteReader) throws(WireError) {
    guard reader.remaining == 0 else {
      throw .badValue(offset: reader.offset, value: UInt64(reader.remaining))
    }
  }

  private static func mode(from body: inout ByteReader) throws(WireError) -> Mode {
    let offset = body.offset
    let code = try body.uint8()
    switch code {
    case 0: return .run
    case 1: return .shell(columns: try body.uint16(), rows: try body.uint16())
    case 2: return .program(try ProgramPlan(from: &body))
    default: throw .badValue(offset: offset, value: UInt64(code))
    }
  }
}
