package import Wire

/// One worker to start.
package struct WorkerSpec: Sendable {
  /// Its name in events.
  package var id: WorkerID
  /// What it does.
  package var kind: WorkKind
  /// Workers of its group.
  package var groupSize: UInt32
  /// Index into the plan's cgroups, or nil.
  package var cgroup: UInt32?
  /// How it is scheduled.
  package var policy: SchedulingPolicy
  /// Its nice value.
  package var nice: Int8
  /// Where it may run; nil is anywhere.
  package var affinity: CPUSet?
  /// Whether it is a thread of its group's process.
  package var isThread: Bool
  /// The process name: the group's name cut to fit the kernel's 15 bytes with `.number` behind it.
  package var processName: String

  /// Its number in the group.
  package var number: Int { Int(id.worker) }
}

/// Why a plan that was read whole cannot be executed.
package struct Refusal: Error, Equatable, Sendable {
  /// For people: what, where, and what was expected.
  package var text: String
}

extension Plan {
  /// More workers than this are refused: each costs a process, and the host never means so many.
  package static let maximumWorkers: UInt64 = 4096
  /// The largest block of a disk worker.
  package static let maximumBlockSize: UInt32 = 16 << 20

  /// Every worker, group by group.
  ///
  /// - Throws: ``Refusal`` when a group's size, name or disk range makes no sense; `diskSize` is
  ///   nil when there is no disk.
  package func roster(diskSize: UInt64?) throws(Refusal) -> [WorkerSpec] {
    var total: UInt64 = 0
    for group in work { total += UInt64(group.workers) }
    guard total <= Self.maximumWorkers, work.count <= Int(UInt16.max) else {
      throw Refusal(
        text: "the plan asks for \(total) workers, at most \(Self.maximumWorkers) can run")
    }
    for cgroup in cgroups { try cgroup.check() }
    try checkInnerGroups()
    try checkPhases()
    var specs: [WorkerSpec] = []
    for index in work.indices {
      let group = work[index]
      try group.check(diskSize: diskSize, cpus: cpus)
      for number in 0..<group.workers {
        specs.append(
          WorkerSpec(
            id: WorkerID(work: UInt16(index), worker: UInt16(number)), kind: group.kind,
            groupSize: group.workers, cgroup: group.cgroup, policy: group.policy,
            nice: group.nice, affinity: group.affinity(of: number), isThread: group.areThreads,
            processName: Self.processName(group.name, number)))
      }
    }
    return specs
  }

  /// The kernel lets a group that hands controllers down hold no processes of its own.
  private func checkInnerGroups() throws(Refusal) {
    for group in work {
      guard let index = group.cgroup, index < UInt32(cgroups.count) else { continue }
      let path = cgroups[Int(index)].path
      guard Controllers.delegated(in: path, by: cgroupsWithAllFiles).isEmpty else {
        throw Refusal(
          text: "work \(group.name): cgroup \(path) hands controllers down to groups below it and "
            + "can hold no workers of its own")
      }
    }
  }

  private static func processName(_ name: String, _ number: UInt32) -> String {
    let suffix = ".\(number)"
    var bytes: [UInt8] = []
    for byte in name.utf8 where bytes.count < 15 - suffix.utf8.count {
      bytes.append(byte > 0x20 && byte < 0x7f ? byte : UInt8(ascii: "_"))
    }
    return String(decoding: bytes, as: UTF8.self) + suffix
  }
}

extension WorkPlan {
  /// The greatest count and amount that a kind may ask for; the host allows no more.
  private static let maximumCount: UInt32 = 1 << 20
  private static let maximumMemory: UInt64 = 1 << 30

  func affinity(of worker: UInt32) -> CPUSet? {
    affinity.isEmpty ? nil : affinity[Int(worker) % affinity.count]
  }

  func check(diskSize: UInt64?, cpus: UInt32) throws(Refusal) {
    let rule = kind.groupRule
    guard workers >= rule.minimum, workers % rule.multiple == 0 else {
      throw Refusal(
        text:
          "work \(name): \(workers) workers, but it needs \(rule.minimum) or more, in groups of "
          + "\(rule.multiple)")
    }
    for set in affinity where (set.cpus.last ?? 0) >= Int(cpus) {
      throw Refusal(text: "work \(name): a CPU of its affinity is not among \(cpus)")
    }
    guard kind.bytesPerWorker <= Self.maximumMemory, kind.bytesPerGroup <= Self.maximumMemory else {
      throw Refusal(text: "work \(name): more than 1 GiB of memory for a worker or a group")
    }
    try checkCounts()
    if let area = kind.diskArea { try check(area, diskSize: diskSize) }
  }

  /// Counts that memory is taken by, or that are divided by.
  private func checkCounts() throws(Refusal) {
    let isFine =
      switch kind {
      case .epollEvents(let producers, _): producers > 0
      case .producerConsumer(let load): load.producers > 0 && (1...1024).contains(load.depth)
      case .schedMessages(let load): load.messengers > 0
      case .cacheServer(let load):
        (1...Self.maximumCount).contains(load.perSecond) && load.bytes >= 4096
          && load.lookups <= Self.maximumCount
      case .pageFaultChurn(let bytes), .cachePressure(let bytes), .numaSweep(let bytes, _):
        bytes >= 4096
      case .timerLatency(let interval), .preemptStorm(let interval, _): interval > 0
      default: true
      }
    guard isFine else { throw Refusal(text: "work \(name): a parameter is out of its range") }
  }

  private func check(_ area: DiskArea, diskSize: UInt64?) throws(Refusal) {
    guard let diskSize else {
      throw Refusal(text: "work \(name): disk work without a scratch disk in the plan")
    }
    guard area.blockSize > 0, area.blockSize % 512 == 0, area.blockSize <= Plan.maximumBlockSize
    else {
      throw Refusal(
        text: "work \(name): block size \(area.blockSize) is not a multiple of 512 up to 16 MiB")
    }
    guard area.bytesPerWorker > 0, area.bytesPerWorker % UInt64(area.blockSize) == 0,
      area.offset % 512 == 0
    else {
      throw Refusal(
        text: "work \(name): offset \(area.offset) or \(area.bytesPerWorker) bytes a worker do not "
          + "fit blocks of \(area.blockSize)")
    }
    let (bytes, first) = area.bytesPerWorker.multipliedReportingOverflow(by: UInt64(workers))
    let (end, second) = bytes.addingReportingOverflow(area.offset)
    guard !first, !second, end <= diskSize else {
      throw Refusal(
        text: "work \(name): \(workers) workers of \(area.bytesPerWorker) bytes from "
          + "\(area.offset) do not fit a disk of \(diskSize) bytes")
    }
  }
}

extension CgroupPlan {
  func check() throws(Refusal) {
    var isPlain = !path.isEmpty
    for part in path.pieces(between: "/") {
      if part.isEmpty || part.utf8.first == UInt8(ascii: ".") { isPlain = false }
    }
    guard isPlain else { throw Refusal(text: "cgroup path '\(path)' is not a plain path") }
    for setting in settings {
      guard setting.isPlain else {
        throw Refusal(text: "cgroup \(path): '\(setting.file)' is not a control file's name")
      }
    }
  }
}
