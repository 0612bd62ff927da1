import Evidence
import Scenario
import Topology
import Wire

extension Ledger {
  /// Whether workers had their memory where they ran, wherever the scenario sets a limit.
  func localityChecks() -> [CheckResult] {
    scenario.expect.numaLocality.flatMap { limit -> [CheckResult] in
      guard let index = groupIndex(of: limit.work) else { return [] }
      // Threads have one memory together.
      let members = workers(ofGroup: index).prefix(
        scenario.work[index].areThreads ? 1 : scenario.work[index].workers)
      return members.map { locality($0, of: scenario.work[index], limit.least) }
    }
  }

  private func locality(
    _ worker: WorkerRecord, of group: WorkSpec, _ least: Double
  ) -> CheckResult {
    let limit = Limit(.atLeast, Quantity(least, .ratio))
    let subject =
      group.areThreads ? CheckSubject(.work, group.name) : CheckSubject(.worker, worker.name)
    let name = group.areThreads ? "the process of \(group.name)" : worker.name
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(.numaLocality, subject, status, measured: measured, limit: limit, detail)
    }
    guard let pages = pages(of: worker.id) else {
      return result(
        .inconclusive, nil,
        "where the memory of \(name) is was not told at the end of the work (\(reasonForAbsence))")
    }
    let kibibytes = pages.nodes.reduce(UInt64(0)) { $0.saturating(adding: $1.count) }
    guard kibibytes > 0 else {
      return result(
        .inconclusive, nil,
        "\(name) had no memory of its own at the end of the work, or the kernel does not tell where "
          + "it is (CONFIG_NUMA)")
    }
    var samples: [Int: UInt64] = [:]
    for share in pages.cpus where Int(share.place) < scenario.machine.topology.cpuCount {
      let node = scenario.machine.topology.cpu(at: Int(share.place)).node
      samples[node] = (samples[node] ?? 0).saturating(adding: share.count)
    }
    let count = samples.values.reduce(UInt64(0)) { $0.saturating(adding: $1) }
    guard count > 0 else {
      return result(.inconclusive, nil, "no sample says on which CPU \(name) was")
    }
    var near = 0.0
    var memory: [String] = []
    for share in pages.nodes {
      let ofMemory = Double(share.count) / Double(kibibytes)
      near += ofMemory * Double(samples[Int(share.place)] ?? 0) / Double(count)
      memory.append("\(Quantity(ofMemory, .ratio).text) on node \(share.place)")
    }
    let stays = samples.sorted { $0.key < $1.key }.map {
      "on node \($0.key) at \(Quantity(Double($0.value) / Double(count), .ratio).text)"
    }
    let measured = Quantity(near, .ratio)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    let (bytes, _) = kibibytes.multipliedReportingOverflow(by: 1024)
    return result(
      limit.holds(for: measured) ? .pass : .fail, measured,
      "\(name) had \(shown) of its memory near (at least \(border)): of "
        + "\(Quantity(bytes, .bytes).text), \(memory.joined(separator: ", ")); it was "
        + "\(stays.joined(separator: ", ")) of \(Quantity(count, .count).text) samples")
  }

  private func pages(of id: WorkerID) -> WorkerPages? {
    for reading in readings.reversed() {
      if case .pages(let pages) = reading.what, pages.id == id { return pages }
    }
    return nil
  }
}
