internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

extension Crew {
  private static let pagesLimit = 250 * Time.millisecond

  /// Tells the latencies that groups have measured since the last time, one interval for each that
  /// is watched, be it empty.
  mutating func tellLatencies(at now: UInt64, _ telemetry: inout Telemetry) {
    for index in watches.indices {
      let watch = table.watches[index]
      let pool = table.recorders.pool(Int(watch.work), watch.kind)
      for bucket in 0..<LatencyHistogram.bucketCount {
        watches[index].note(bucket: bucket, pool.hits(bucket))
      }
      telemetry.post(
        .latencyInterval(
          LatencyInterval(
            work: watch.work, kind: watch.kind, monotonic: now,
            histogram: watches[index].take())))
    }
  }

  /// Notes where each worker was at its last checkpoint.
  mutating func noteWhereabouts() {
    guard whereabouts != nil else { return }
    for index in members.indices where members[index].isAlive {
      let cpu = table.slot(index).fields.cpuPlusOne.load(ordering: .relaxed)
      guard cpu > 0 else { continue }
      whereabouts?[index].add(1, at: cpu - 1)
    }
  }

  /// Tells where the private memory of each process of workers is, and where its workers were.
  ///
  /// The workers go on meanwhile, so it ends after a while; who has not been told of then is not
  /// known.
  func tellPages(_ telemetry: inout Telemetry) {
    guard let whereabouts else { return }
    let deadline = Time.after(Self.pagesLimit)
    var index = 0
    while index < members.count && Time.now < deadline {
      let pid = members[index].pid
      var cpus = whereabouts[index]
      var next = index + 1
      // Threads of one process have its memory in common.
      while next < members.count && members[next].pid == pid && pid > 0 {
        for share in whereabouts[next] { cpus.add(share.count, at: share.place) }
        next += 1
      }
      if members[index].isAlive {
        let nodes = KernelTexts.privateMemory(
          Files.contents("/proc/\(pid)/numa_maps", limit: 1 << 20))
        telemetry.post(
          .kernelReading(
            KernelReading(
              moment: .workEnded, monotonic: Time.now,
              what: .pages(
                WorkerPages(id: members[index].spec.id, nodes: nodes, cpus: cpus)))))
      }
      index = next
    }
  }
}
