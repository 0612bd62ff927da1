import Topology

extension ScenarioDecoder {
  private static let maximumCount = UInt64(MachineSpec.maximumCPUs)

  /// The CPUs of a machine, by their number or as a topology.
  func topology(_ object: ObjectNode) -> CPUTopology? {
    switch (object["cpus"], object["topology"]) {
    case (nil, nil):
      object.node.refuse("missing key \"cpus\" (or \"topology\")")
      return nil
    case (.some, .some(let topology)):
      topology.refuse("expected only one of \"cpus\" and \"topology\", found both")
      return nil
    case (.some(let cpus), nil):
      return cpus.whole(in: 1...Self.maximumCount).map { .flat(cpus: Int($0)) }
    case (nil, .some(let node)):
      let topology =
        if case .object = node.value.kind { arrangement(node) } else { shortForm(node) }
      guard let topology else { return nil }
      return isSmallEnough(topology.cpuCount, node) ? topology : nil
    }
  }

  /// The memory of a machine: what it says, what all nodes say, or the default.
  func memory(_ object: ObjectNode, _ topology: CPUTopology?) -> UInt64? {
    let allowed = MachineSpec.minimumMemory...MachineSpec.maximumMemory
    let own = topology?.nodes.compactMap(\.memoryBytes) ?? []
    if let node = object["memory"] {
      guard let memory = node.size(in: allowed, multipleOf: CPUTopology.pageBytes) else {
        return nil
      }
      return own.isEmpty || isShared(memory, topology, node) ? memory : nil
    }
    guard let topology, !own.isEmpty, let nodes = object["topology"] else {
      return MachineSpec.defaultMemory
    }
    guard own.count == topology.nodes.count else {
      return isShared(MachineSpec.defaultMemory, topology, nodes)
        ? MachineSpec.defaultMemory : nil
    }
    // At most 1024 nodes of 2^38 bytes.
    let sum = own.reduce(0, +)
    guard allowed.contains(sum) else {
      let size = UnitFamily.size
      nodes.refuse(
        "expected nodes with \(size.render(allowed.lowerBound)) to "
          + "\(size.render(allowed.upperBound)) of memory in all, found \(size.render(sum))")
      return nil
    }
    return sum
  }

  /// Whether the nodes' own memory leaves something for each of the others.
  private func isShared(_ memory: UInt64, _ topology: CPUTopology?, _ node: Node) -> Bool {
    guard let topology else { return true }
    do throws(CPUTopologyError) {
      _ = try topology.memoryShares(of: memory)
      return true
    } catch {
      let size = UnitFamily.size
      let own = topology.nodes.compactMap(\.memoryBytes).reduce(0, +)
      let others = topology.nodes.count { $0.memoryBytes == nil }
      node.refuse(
        others == 0
          ? "expected as much memory as all nodes have, \(size.render(own)), found "
            + size.render(memory)
          : "expected more memory than the \(size.render(own)) that nodes have of their own, and "
            + "\(size.render(CPUTopology.shareGranule)) for each of the other \(others), found "
            + size.render(memory))
      return false
    }
  }

  private func isSmallEnough(_ cpus: Int, _ node: Node) -> Bool {
    guard cpus > MachineSpec.maximumCPUs else { return true }
    node.refuse("expected at most \(MachineSpec.maximumCPUs) CPUs, found \(cpus)")
    return false
  }

  private func shortForm(_ node: Node) -> CPUTopology? {
    let expected =
      "a topology such as \"1n2l4c2t\" (nodes, LLCs of the machine, cores per LLC, threads per core)"
    guard let text = node.text(expected) else { return nil }
    do throws(CPUTopologyError) {
      return try CPUTopology(text)
    } catch {
      switch error {
      case .notation: node.refuse(expected: expected)
      case .count:
        node.refuse("expected counts from 1 to \(Self.maximumCount), found \(node.value.summary)")
      case .tooManyCPUs(let cpus, _): _ = isSmallEnough(cpus, node)
      default: node.refuse(error.description)
      }
      return nil
    }
  }

  /// The object form: nodes one by one.
  private func arrangement(_ node: Node) -> CPUTopology? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["nodes", "cores", "threads", "distances"])
    let list = object.required("nodes").flatMap { elements($0) }
    let nodes = list?.map { self.numaNode($0) }
    let cores = object.required("cores")?.whole(in: 1...Self.maximumCount)
    let threads = object["threads"].map { $0.whole(in: 1...Self.maximumCount) } ?? 1
    let distances = object["distances"].map { self.distances($0) }
    // Distances that are no matrix have been refused; none at all are fine.
    guard let nodes, let cores, let threads, distances != .some(nil) else { return nil }
    let known = nodes.compactMap(\.self)
    guard known.count == nodes.count else { return nil }
    do throws(CPUTopologyError) {
      return try CPUTopology(
        nodes: known, coresPerLLC: Int(cores), threadsPerCore: Int(threads),
        distances: distances ?? nil)
    } catch {
      place(of: error, in: object).refuse(error.description(limit: MachineSpec.maximumCPUs))
      return nil
    }
  }

  private func numaNode(_ node: Node) -> CPUTopology.Node? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["llcs", "memory"])
    let llcs = object.required("llcs")?.whole(in: 0...Self.maximumCount)
    let memory = object["memory"].map {
      $0.size(
        in: CPUTopology.pageBytes...MachineSpec.maximumMemory, multipleOf: CPUTopology.pageBytes)
    }
    // A size that is none has been refused.
    guard let llcs, memory != .some(nil) else { return nil }
    return CPUTopology.Node(llcs: Int(llcs), memoryBytes: memory ?? nil)
  }

  /// The elements of a list, or nil where that was refused.
  private func elements(_ node: Node) -> [Node]? {
    let elements = node.list(upTo: MachineSpec.maximumCPUs)
    guard case .list(let values) = node.value.kind, values.count == elements.count else {
      return nil
    }
    return elements
  }

  /// The rows of the distances, or nil where one of them was refused.
  private func distances(_ node: Node) -> [[Int]]? {
    let allowed = UInt64(CPUTopology.localDistance)...UInt64(CPUTopology.remoteDistances.upperBound)
    guard
      let rows = elements(node)?.map({ row in
        elements(row)?.map { $0.whole(in: allowed).map(Int.init) }
      })
    else { return nil }
    let good = rows.compactMap { $0?.compactMap(\.self) }
    return good.map(\.count) == rows.map { $0?.count } ? good : nil
  }

  /// Where in the object form something stands that makes no topology.
  private func place(of error: CPUTopologyError, in object: ObjectNode) -> Node {
    func element(_ node: Node?, _ index: Int) -> Node? {
      guard let list = node.flatMap({ elements($0) }), list.indices.contains(index) else {
        return nil
      }
      return list[index]
    }
    let found: Node? =
      switch error {
      case .count(.nodes, _, _), .noCPUs: object["nodes"]
      case .memoryNodeFirst(let node): element(object["nodes"], node)
      case .distanceRows: object["distances"]
      case .distanceShape(let row, _, _): element(object["distances"], row)
      case .distance(let from, let to, _), .asymmetricDistance(let from, let to, _, _):
        element(element(object["distances"], from), to)
      default: nil
      }
    return found ?? object.node
  }
}

extension CPUTopologyError {
  /// For people, with the limit of scenarios in place of the general one.
  fileprivate func description(limit: Int) -> String {
    if case .tooManyCPUs(let cpus, _) = self {
      return CPUTopologyError.tooManyCPUs(cpus, limit: limit).description
    }
    return description
  }
}
