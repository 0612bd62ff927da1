internal import CGuest
internal import GuestLogic
internal import Wire

/// What the workers of a group have in common.
struct Group {
  /// How many threads of the group's process have ended: the word of this line.
  static let departedLine = 3

  /// Seeds the choices of all groups.
  var seed: UInt64
  /// The directory of their cgroup.
  var cgroup: String
  /// The directories that `cgroupChurn` goes through.
  var churn: [String] = []
  /// The scratch disk.
  var disk: Disk?
  /// Memory that they share.
  var arena: Arena
  /// The table of `cacheServer`.
  var field: Field?
  /// Pipes of the group: read end, write end, read end, ...
  var pipes: [Int32] = []

  /// Makes what a group needs before its first worker.
  ///
  /// - Throws: ``Failure`` without memory or descriptors.
  init(_ work: WorkPlan, seed: UInt64, cgroups: borrowing Cgroups, disk: Disk?) throws(Failure) {
    var extra = 0
    var producers = 0
    if case .producerConsumer(let load) = work.kind { extra = Int(load.depth) }
    if case .epollEvents(let count, _) = work.kind { producers = Int(count) }
    guard let arena = Arena(workers: Int(work.workers), extra: extra) else {
      throw Failure("map the memory of " + work.name)
    }
    self.arena = arena
    self.seed = seed
    self.disk = disk
    cgroup = cgroups.path(work.cgroup)
    if case .cgroupChurn(_, let first, let count) = work.kind {
      for index in first..<first + count { churn.append(cgroups.path(index)) }
    }
    if work.kind.bytesPerGroup > 0 {
      field = Field(bytes: work.kind.bytesPerGroup, isShared: true)
      guard field != nil else { throw Failure("map the table of " + work.name) }
    }
    for _ in 0..<producers {
      var ends: [Int32] = [-1, -1]
      let result = unsafe guest_nonblocking_pipe(&ends)
      guard result >= 0 else { throw Failure("pipe", result: Int(result)) }
      pipes += ends
    }
  }

  /// Gives back init's share of what only workers use.
  func release() {
    for descriptor in pipes { guest_close(descriptor) }
    arena.unmap()
    field?.unmap()
  }
}
