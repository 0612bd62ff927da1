/// A group of like workers.
package struct WorkSpec: Equatable, Sendable {
  /// The most workers of one group, and of a scenario.
  package static let maximumWorkers = 4096

  /// Unique in the scenario.
  package var name: String
  /// What each worker does.
  package var type: WorkType
  /// How many there are.
  package var workers: Int
  /// Name of their cgroup; nil leaves them in the work root.
  package var cgroup: String?

  /// Makes a group out of checked parts.
  package init(name: String, type: WorkType, workers: Int, cgroup: String? = nil) {
    self.name = name
    self.type = type
    self.workers = workers
    self.cgroup = cgroup
  }

  /// How messages name a worker of the group: `spin/0`.
  package func workerName(_ number: Int) -> String {
    "\(name)/\(number)"
  }
}

/// What a worker does, with the parameters of its type.
package enum WorkType: Equatable, Sendable {
  /// Arithmetic without end.
  case spin
  /// `sched_yield` without end.
  case yield
  /// Busy for a time, asleep for a time.
  case bursty(busyNanoseconds: UInt64, sleepNanoseconds: UInt64)
  /// Pairs of workers pass one byte to and fro.
  case pingpong
  /// Writes, flushes, reads back and compares the given part of the scratch disk.
  case diskVerify(bytesPerWorker: UInt64, blockSize: UInt64)

  /// The name of a type in the file.
  package enum Name: String, CaseIterable, Sendable {
    /// See ``WorkType/spin``.
    case spin
    /// See ``WorkType/yield``.
    case yield
    /// See ``WorkType/bursty(busyNanoseconds:sleepNanoseconds:)``.
    case bursty
    /// See ``WorkType/pingpong``.
    case pingpong
    /// See ``WorkType/diskVerify(bytesPerWorker:blockSize:)``.
    case diskVerify

    /// The keys that only this type has.
    var parameters: [String] {
      switch self {
      case .spin, .yield, .pingpong: []
      case .bursty: ["busy", "sleep"]
      case .diskVerify: ["bytes", "blockSize"]
      }
    }
  }

  /// The name of the type in the file.
  package var name: Name {
    switch self {
    case .spin: .spin
    case .yield: .yield
    case .bursty: .bursty
    case .pingpong: .pingpong
    case .diskVerify: .diskVerify
    }
  }
}
