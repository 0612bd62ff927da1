package import Wire

/// One worker to start.
package struct WorkerSpec: Sendable {
  /// Its name in events.
  package var id: WorkerID
  /// What it does.
  package var kind: WorkKind
  /// Index into the plan's cgroups, or nil.
  package var cgroup: UInt32?
  /// The process name: the group's name cut to fit the kernel's 15 bytes with `.number` behind it.
  package var processName: String
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
    var specs: [WorkerSpec] = []
    for index in work.indices {
      let group = work[index]
      try group.check(diskSize: diskSize)
      for number in 0..<group.workers {
        specs.append(
          WorkerSpec(
            id: WorkerID(work: UInt16(index), worker: UInt16(number)), kind: group.kind,
            cgroup: group.cgroup, processName: Self.processName(group.name, number)))
      }
    }
    return specs
  }

  /// The kernel lets a group that hands controllers down hold no processes of its own.
  private func checkInnerGroups() throws(Refusal) {
    for group in work {
      guard let index = group.cgroup, index < UInt32(cgroups.count) else { continue }
      let path = cgroups[Int(index)].path
      guard Controllers.delegated(in: path, by: cgroups).isEmpty else {
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
  func check(diskSize: UInt64?) throws(Refusal) {
    switch kind {
    case .spin, .yield, .bursty:
      return
    case .pingpong:
      guard workers % 2 == 0 else {
        throw Refusal(text: "work \(name): pingpong needs pairs, not \(workers) workers")
      }
    case .diskVerify(let offset, let bytesPerWorker, let blockSize):
      guard let diskSize else {
        throw Refusal(text: "work \(name): diskVerify without a scratch disk in the plan")
      }
      guard blockSize > 0, blockSize % 512 == 0, blockSize <= Plan.maximumBlockSize else {
        throw Refusal(
          text: "work \(name): block size \(blockSize) is not a multiple of 512 up to 16 MiB")
      }
      guard bytesPerWorker > 0, bytesPerWorker % UInt64(blockSize) == 0, offset % 512 == 0 else {
        throw Refusal(
          text: "work \(name): offset \(offset) or \(bytesPerWorker) bytes a worker do not fit "
            + "blocks of \(blockSize)")
      }
      let (bytes, first) = bytesPerWorker.multipliedReportingOverflow(by: UInt64(workers))
      let (end, second) = bytes.addingReportingOverflow(offset)
      guard !first, !second, end <= diskSize else {
        throw Refusal(
          text: "work \(name): \(workers) workers of \(bytesPerWorker) bytes from \(offset) do "
            + "not fit a disk of \(diskSize) bytes")
      }
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
      guard !setting.file.isEmpty, !setting.file.utf8.contains(UInt8(ascii: "/")) else {
        throw Refusal(text: "cgroup \(path): '\(setting.file)' is not a control file's name")
      }
    }
  }
}
