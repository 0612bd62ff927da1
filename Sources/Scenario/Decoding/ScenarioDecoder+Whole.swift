import Wire

extension ScenarioDecoder {
  /// Memory that each worker is reckoned with: stack, page tables, kernel stack and task.
  private static let memoryPerWorker: UInt64 = 128 << 10

  /// Checks what only the scenario as a whole can tell, and gives the disk workers their parts.
  func checkedAsWhole(_ scenario: Scenario) -> Scenario {
    var scenario = scenario
    checkLeaves(scenario)
    layOutDisk(&scenario)
    checkMemory(scenario)
    return scenario
  }

  /// Workers live in leaves: cgroup v2 lets no group that shares out a resource among children
  /// hold processes of its own ("no internal process constraint", cgroup-v2.rst).
  private func checkLeaves(_ scenario: Scenario) {
    let names =
      scenario.cgroups.map(\.name) + scenario.work.compactMap(\.cgroup)
      + scenario.payloads.compactMap(\.cgroup)
    for (index, group) in scenario.work.enumerated() {
      guard let cgroup = group.cgroup else { continue }
      if let child = names.first(where: { $0.hasPrefix(cgroup + "/") }) {
        diagnostics.add(
          "workers belong in a cgroup without children, but \(Quoting.quoted(cgroup)) holds "
            + Quoting.quoted(child),
          path: JSONPath([.key("work"), .index(index), .key("cgroup")]))
      }
    }
  }

  private func layOutDisk(_ scenario: inout Scenario) {
    let groups = scenario.work
    var end: UInt64 = 0
    for (index, group) in groups.enumerated() {
      guard var area = group.kind.diskArea else { continue }
      var bytes = area.bytesPerWorker
      let blockSize = UInt64(area.blockSize)
      let path = JSONPath([.key("work"), .index(index)])
      guard let disk = scenario.machine.disk else {
        diagnostics.add(
          "\(group.kind.type.rawValue) needs a scratch disk; give \"machine\" a \"disk\"",
          path: path.appending("type"))
        continue
      }
      let isShare = bytes == 0
      if isShare { bytes = Self.diskShare(of: disk, among: groups, blockSize: blockSize) }
      let (need, overflow) = bytes.multipliedReportingOverflow(by: UInt64(group.workers))
      let (newEnd, carry) = end.addingReportingOverflow(need)
      guard bytes > 0, !overflow, !carry, newEnd <= disk.size else {
        diagnostics.add(
          noRoom(group, bytes: isShare ? blockSize : bytes, left: disk.size - end, disk: disk),
          path: isShare ? path : path.appending("bytes"))
        return
      }
      area.offset = end
      area.bytesPerWorker = bytes
      scenario.work[index].kind.diskArea = area
      end = newEnd
    }
  }

  private func noRoom(_ group: WorkSpec, bytes: UInt64, left: UInt64, disk: DiskSpec) -> String {
    let size = UnitFamily.size
    let many = group.workers == 1 ? "1 worker needs" : "\(group.workers) workers need"
    let each = group.workers == 1 ? "" : " each"
    return "\(many) \(size.render(bytes))\(each), but of the disk's "
      + "\(size.render(disk.size)) only \(size.render(left)) are left"
  }

  private func checkMemory(_ scenario: Scenario) {
    guard scenario.workerCount <= WorkSpec.maximumWorkers else {
      diagnostics.add(
        "expected at most \(WorkSpec.maximumWorkers) workers in all groups, found "
          + "\(scenario.workerCount)", path: JSONPath([.key("work")]))
      return
    }
    var need = MachineSpec.minimumMemory + UInt64(scenario.workerCount) * Self.memoryPerWorker
    for group in scenario.work {
      // At most 2^30 bytes for each of 4096 workers, and for each of 256 groups.
      need += group.kind.bytesPerWorker * UInt64(group.workers) + group.kind.bytesPerGroup
    }
    guard scenario.machine.memory < need else { return }
    let mebibyte: UInt64 = 1 << 20
    let rounded = (need + mebibyte - 1) / mebibyte
    let path = JSONPath([.key("machine"), .key("memory")])
    diagnostics.add(
      "expected at least \(rounded)MiB for \(scenario.workerCount) workers, found "
        + UnitFamily.size.render(scenario.machine.memory), path: path)
  }
}
