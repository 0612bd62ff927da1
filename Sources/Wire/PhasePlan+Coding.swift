extension PhasePlan {
  /// What indices in a phase may point to.
  struct Room {
    /// Cgroups of the plan.
    var cgroups: Int
    /// Groups of workers of the plan.
    var work: Int
    /// Schedulers of the plan.
    var schedulers: Int
    /// Payloads of the plan.
    var payloads: Int
  }

  func encode(into body: inout ByteWriter) {
    body.string(name)
    hold.encode(into: &body)
    let actions = actions.prefix(Int(UInt16.max))
    body.uint16(UInt16(actions.count))
    for action in actions { action.encode(into: &body) }
  }

  init(from body: inout ByteReader, room: Room) throws(WireError) {
    let name = try body.string()
    let hold = try PhaseHold(from: &body, room: room)
    var actions: [PhaseAction] = []
    for _ in 0..<(try body.uint16()) {
      actions.append(try PhaseAction(from: &body, room: room))
    }
    self.init(name: name, actions: actions, hold: hold)
  }
}

extension PhaseHold {
  func encode(into body: inout ByteWriter) {
    switch self {
    case .time(let time):
      body.uint8(0)
      body.uint64(time)
    case .until(let condition, let limit):
      switch condition.metric {
      case .iterations(let count):
        body.uint8(1)
        body.uint64(count)
      case .perSecond(let rate):
        body.uint8(2)
        body.uint64(rate)
      }
      body.uint32(condition.work)
      body.uint64(limit)
    }
  }

  init(from body: inout ByteReader, room: PhasePlan.Room) throws(WireError) {
    let offset = body.offset
    let code = try body.uint8()
    let value = try body.uint64()
    switch code {
    case 0:
      self = .time(value)
    case 1, 2:
      let work = try body.index(below: room.work)
      self = .until(
        PhaseCondition(work: work, metric: code == 1 ? .iterations(value) : .perSecond(value)),
        limitNanoseconds: try body.uint64())
    default:
      throw .badValue(offset: offset, value: UInt64(code))
    }
  }
}

extension PhaseAction {
  private static let noCgroup: UInt32 = .max

  func encode(into body: inout ByteWriter) {
    switch self {
    case .createCgroup(let cgroup):
      body.uint8(1)
      body.uint32(cgroup)
    case .removeCgroup(let cgroup):
      body.uint8(2)
      body.uint32(cgroup)
    case .setCgroup(let cgroup, let settings):
      body.uint8(3)
      body.uint32(cgroup)
      body.settings(settings)
    case .freezeCgroup(let cgroup, let isFrozen):
      body.uint8(4)
      body.uint32(cgroup)
      body.uint8(isFrozen ? 1 : 0)
    case .moveWork(let work, let cgroup):
      body.uint8(5)
      body.uint32(work)
      body.uint32(cgroup ?? Self.noCgroup)
    case .startWork(let work):
      body.uint8(6)
      body.uint32(work)
    case .stopWork(let work):
      body.uint8(7)
      body.uint32(work)
    case .setAffinity(let work, let sets):
      body.uint8(8)
      body.uint32(work)
      body.sets(sets)
    case .setPolicy(let work, let policy, let nice):
      body.uint8(9)
      body.uint32(work)
      policy.encode(into: &body)
      body.uint8(UInt8(bitPattern: nice))
    case .setCPUs(let cpus, let isOnline):
      body.uint8(10)
      body.uint8(isOnline ? 1 : 0)
      body.sets([cpus])
    case .startScheduler(let scheduler):
      body.uint8(11)
      body.uint16(scheduler)
    case .stopScheduler(let scheduler):
      body.uint8(12)
      body.uint16(scheduler)
    case .replaceScheduler(let old, let new):
      body.uint8(13)
      body.uint16(old)
      body.uint16(new)
    case .runPayload(let payload, let waits):
      body.uint8(14)
      body.uint16(payload)
      body.uint8(waits ? 1 : 0)
    }
  }

  init(from body: inout ByteReader, room: PhasePlan.Room) throws(WireError) {
    let offset = body.offset
    let code = try body.uint8()
    switch code {
    case 1: self = .createCgroup(try body.index(below: room.cgroups))
    case 2: self = .removeCgroup(try body.index(below: room.cgroups))
    case 3: self = .setCgroup(try body.index(below: room.cgroups), try body.settings())
    case 4:
      self = .freezeCgroup(try body.index(below: room.cgroups), isFrozen: try body.flag())
    case 5:
      let work = try body.index(below: room.work)
      let start = body.offset
      let cgroup = try body.uint32()
      guard cgroup == Self.noCgroup || cgroup < UInt32(clamping: room.cgroups) else {
        throw .badValue(offset: start, value: UInt64(cgroup))
      }
      self = .moveWork(work, cgroup: cgroup == Self.noCgroup ? nil : cgroup)
    case 6: self = .startWork(try body.index(below: room.work))
    case 7: self = .stopWork(try body.index(below: room.work))
    case 8: self = .setAffinity(try body.index(below: room.work), try body.sets())
    case 9:
      let work = try body.index(below: room.work)
      let policy = try SchedulingPolicy(from: &body)
      self = .setPolicy(work, policy, nice: try body.nice())
    case 10:
      let isOnline = try body.flag()
      let start = body.offset
      let sets = try body.sets()
      guard sets.count == 1 else { throw .badValue(offset: start, value: UInt64(sets.count)) }
      self = .setCPUs(sets[0], isOnline: isOnline)
    case 11: self = .startScheduler(try body.shortIndex(below: room.schedulers))
    case 12: self = .stopScheduler(try body.shortIndex(below: room.schedulers))
    case 13:
      let old = try body.shortIndex(below: room.schedulers)
      self = .replaceScheduler(old, with: try body.shortIndex(below: room.schedulers))
    case 14:
      let payload = try body.shortIndex(below: room.payloads)
      self = .runPayload(payload, waits: try body.flag())
    default:
      throw .badValue(offset: offset, value: UInt64(code))
    }
  }
}

extension ByteWriter {
  /// Appends writes into control files.
  mutating func settings(_ settings: [CgroupPlan.Setting]) {
    let settings = settings.prefix(Int(UInt16.max))
    uint16(UInt16(settings.count))
    for setting in settings {
      string(setting.file)
      string(setting.value)
    }
  }

  /// Appends sets of CPUs.
  mutating func sets(_ sets: [CPUSet]) {
    let sets = sets.prefix(Int(UInt16.max))
    uint16(UInt16(sets.count))
    for set in sets {
      uint8(UInt8(set.words.count))
      for word in set.words { uint64(word) }
    }
  }
}

extension ByteReader {
  /// Reads an index into something of which there is only so much.
  mutating func index(below count: Int) throws(WireError) -> UInt32 {
    let start = offset
    let index = try uint32()
    guard index < UInt32(clamping: count) else {
      throw .badValue(offset: start, value: UInt64(index))
    }
    return index
  }

  /// Reads an index of 16 bits into something of which there is only so much.
  mutating func shortIndex(below count: Int) throws(WireError) -> UInt16 {
    let start = offset
    let index = try uint16()
    guard Int(index) < count else { throw .badValue(offset: start, value: UInt64(index)) }
    return index
  }

  /// Reads a nice value.
  mutating func nice() throws(WireError) -> Int8 {
    let start = offset
    let nice = Int8(bitPattern: try uint8())
    guard (-20...19).contains(nice) else {
      throw .badValue(offset: start, value: UInt64(UInt8(bitPattern: nice)))
    }
    return nice
  }

  /// Reads writes into control files.
  mutating func settings() throws(WireError) -> [CgroupPlan.Setting] {
    var settings: [CgroupPlan.Setting] = []
    for _ in 0..<(try uint16()) {
      settings.append(.init(file: try string(), value: try string()))
    }
    return settings
  }

  /// Reads sets of CPUs.
  mutating func sets() throws(WireError) -> [CPUSet] {
    var sets: [CPUSet] = []
    for _ in 0..<(try uint16()) { sets.append(try CPUSet(from: &self)) }
    return sets
  }
}
