/// A sched_ext scheduler that the guest registers: the program that loads it, and stays.
package struct SchedulerPlan: Equatable, Sendable {
  /// For messages.
  package var name: String
  /// The program; its end is the scheduler's end.
  package var program: ProgramPlan
  /// How long it may take until the kernel says that a scheduler is enabled.
  package var attachNanoseconds: UInt64
  /// How long it may take to go when it is told to.
  package var stopNanoseconds: UInt64
  /// Whether it is attached before the work starts.
  package var startsBeforeWork: Bool

  /// Makes a plan.
  package init(
    name: String, program: ProgramPlan, attachNanoseconds: UInt64, stopNanoseconds: UInt64,
    startsBeforeWork: Bool
  ) {
    self.name = name
    self.program = program
    self.attachNanoseconds = attachNanoseconds
    self.stopNanoseconds = stopNanoseconds
    self.startsBeforeWork = startsBeforeWork
  }

  func encode(into body: inout ByteWriter) {
    body.string(name)
    program.encode(into: &body)
    body.uint64(attachNanoseconds)
    body.uint64(stopNanoseconds)
    body.uint8(startsBeforeWork ? 1 : 0)
  }

  init(from body: inout ByteReader) throws(WireError) {
    name = try body.string()
    program = try ProgramPlan(from: &body)
    attachNanoseconds = try body.uint64()
    stopNanoseconds = try body.uint64()
    startsBeforeWork = try body.flag()
  }
}

/// A program of the host that runs beside the work.
package struct PayloadPlan: Equatable, Sendable {
  /// Names its output.
  package var name: String
  /// The program.
  package var program: ProgramPlan
  /// How long it may run; nil for as long as the work.
  package var limitNanoseconds: UInt64?
  /// Index into ``Plan/cgroups``; nil for none of them.
  package var cgroup: UInt32?
  /// Files of the guest that are handed over when it has ended.
  package var files: [String]
  /// Whether it starts with the work.
  package var startsWithWork: Bool

  /// Makes a plan.
  package init(
    name: String, program: ProgramPlan, limitNanoseconds: UInt64?, cgroup: UInt32?,
    files: [String], startsWithWork: Bool
  ) {
    self.name = name
    self.program = program
    self.limitNanoseconds = limitNanoseconds
    self.cgroup = cgroup
    self.files = files
    self.startsWithWork = startsWithWork
  }

  func encode(into body: inout ByteWriter) {
    body.string(name)
    program.encode(into: &body)
    body.uint64(limitNanoseconds ?? .max)
    body.uint32(cgroup ?? .max)
    body.uint16(UInt16(truncatingIfNeeded: files.count))
    for file in files { body.string(file) }
    body.uint8(startsWithWork ? 1 : 0)
  }

  init(from body: inout ByteReader, cgroups: Int) throws(WireError) {
    name = try body.string()
    program = try ProgramPlan(from: &body)
    let limit = try body.uint64()
    limitNanoseconds = limit == .max ? nil : limit
    let offset = body.offset
    let group = try body.uint32()
    guard group == .max || group < cgroups else {
      throw .badValue(offset: offset, value: UInt64(group))
    }
    cgroup = group == .max ? nil : group
    files = []
    for _ in 0..<(try body.uint16()) { files.append(try body.string()) }
    startsWithWork = try body.flag()
  }
}
