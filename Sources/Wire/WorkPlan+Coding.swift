extension WorkPlan {
  private static let noCgroup: UInt32 = .max

  func encode(into body: inout ByteWriter) {
    body.string(name)
    body.uint32(workers)
    body.uint32(cgroup ?? Self.noCgroup)
    policy.encode(into: &body)
    body.uint8(UInt8(bitPattern: nice))
    body.uint8(areThreads ? 1 : 0)
    body.uint8(startsLater ? 1 : 0)
    body.sets(affinity)
    kind.encode(into: &body)
  }

  /// - Parameter cgroups: how many the plan has.
  init(from body: inout ByteReader, cgroups: Int) throws(WireError) {
    let name = try body.string()
    let workers = try body.uint32()
    let offset = body.offset
    let cgroup = try body.uint32()
    guard cgroup == Self.noCgroup || cgroup < UInt32(clamping: cgroups) else {
      throw .badValue(offset: offset, value: UInt64(cgroup))
    }
    let policy = try SchedulingPolicy(from: &body)
    let nice = try body.nice()
    let areThreads = try body.flag()
    let startsLater = try body.flag()
    let affinity = try body.sets()
    let kindOffset = body.offset
    let kind = try WorkKind(from: &body)
    if case .cgroupChurn(_, let first, let count) = kind {
      let (end, overflow) = first.addingReportingOverflow(count)
      guard count > 0, !overflow, end <= UInt32(clamping: cgroups) else {
        throw .badValue(offset: kindOffset, value: UInt64(first) << 32 | UInt64(count))
      }
    }
    self.init(
      name: name, kind: kind, workers: workers, cgroup: cgroup == Self.noCgroup ? nil : cgroup,
      policy: policy, nice: nice, affinity: affinity, areThreads: areThreads,
      startsLater: startsLater)
  }
}

extension SchedulingPolicy {
  func encode(into body: inout ByteWriter) {
    body.uint8(number)
    switch self {
    case .normal, .batch, .idle, .ext: break
    case .fifo(let priority), .roundRobin(let priority): body.uint8(priority)
    case .deadline(let runtime, let deadline, let period):
      body.uint64(runtime)
      body.uint64(deadline)
      body.uint64(period)
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let number = try body.uint8()
    switch number {
    case 0: self = .normal
    case 1: self = .fifo(priority: try body.uint8())
    case 2: self = .roundRobin(priority: try body.uint8())
    case 3: self = .batch
    case 5: self = .idle
    case 6:
      self = .deadline(
        runtime: try body.uint64(), deadline: try body.uint64(), period: try body.uint64())
    case 7: self = .ext
    default: throw .badValue(offset: offset, value: UInt64(number))
    }
  }
}

extension CPUSet {
  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let count = try body.uint8()
    var words: [UInt64] = []
    for _ in 0..<count { words.append(try body.uint64()) }
    // An empty set is no place to run, and one form for each set keeps plans comparable.
    guard let last = words.last, last != 0, words.count <= Self.maximumWords else {
      throw .badValue(offset: offset, value: UInt64(count))
    }
    self.init(words: words)
  }
}

extension ByteReader {
  /// Reads a byte that is 0 or 1.
  mutating func flag() throws(WireError) -> Bool {
    let start = offset
    let code = try uint8()
    guard code <= 1 else { throw .badValue(offset: start, value: UInt64(code)) }
    return code == 1
  }
}
