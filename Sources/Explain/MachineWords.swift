import Scenario
import Topology

extension Page {
  /// Nodes, caches, CPUs, memory and the disk.
  mutating func machine(_ machine: MachineSpec) {
    let topology = machine.topology
    heading("Machine")
    paragraph(
      "\(topology): \(Phrase.count(topology.cpuCount, "CPU")) in "
        + "\(Phrase.count(topology.nodes.count, "NUMA node")) with "
        + "\(Phrase.count(topology.llcCount, "LLC")) of "
        + "\(Phrase.count(topology.coresPerLLC, "core")), each of "
        + "\(Phrase.count(topology.threadsPerCore, "thread")).", hanging: 2)
    paragraph("\(SizeText.render(machine.memory)) of memory.")
    if topology.nodes.count > 1 || topology.llcCount > 1 { nodes(machine) }
    guard let disk = machine.disk else { return paragraph("No disk.") }
    self.disk(disk)
  }

  private mutating func nodes(_ machine: MachineSpec) {
    let topology = machine.topology
    let shares = try? topology.memoryShares(of: machine.memory)
    var rows: [(label: String, text: String)] = []
    var llc = 0
    for (index, node) in topology.nodes.enumerated() {
      let memory = shares.map { ", \(SizeText.render($0[index]))" } ?? ""
      let llcs = (llc..<llc + node.llcs).map {
        "LLC \($0): \(Phrase.cpus(Array(topology.cpus(ofLLC: $0))))"
      }
      llc += node.llcs
      // Large machines are alike: the first and the last of many tell the rest.
      let shown = llcs.count > 8 ? llcs.prefix(3) + ["..."] + llcs.suffix(1) : llcs[...]
      let text = llcs.isEmpty ? "memory only" : shown.joined(separator: "; ")
      rows.append(("node \(index)\(memory)", text))
    }
    table(rows, indent: 4, upTo: 32)
    guard topology.nodes.count > 1 else { return }
    guard topology.hasDefaultDistances else {
      let distances = topology.distances.map { $0.map(String.init).joined(separator: " ") }
      return paragraph("Distances, row by row: \(distances.joined(separator: " / ")).", hanging: 2)
    }
    paragraph("Nodes are \(CPUTopology.defaultDistance) apart.")
  }

  private mutating func disk(_ disk: DiskSpec) {
    paragraph(
      "Disk of \(SizeText.render(disk.size)) with \(Phrase.count(disk.queues, "request queue")).")
    var limits: [String] = []
    if let most = disk.throttle.operationsPerSecond { limits.append("\(most) requests") }
    if let most = disk.throttle.bytesPerSecond { limits.append(SizeText.render(most)) }
    if !limits.isEmpty {
      paragraph(
        "Throttled to \(Phrase.list(limits)) in a second; after a pause a second's worth goes at "
          + "once.", indent: 4)
    }
    for fault in disk.faults { paragraph(Self.text(of: fault, on: disk), indent: 4, hanging: 2) }
  }

  private static func text(of fault: DiskFault, on disk: DiskSpec) -> String {
    let requests =
      switch fault.operation {
      case .read: "read"
      case .write: "write"
      case .flush: "flush"
      case .discard: "discard"
      case .writeZeroes: "request to write zeroes"
      case .any: "request"
      }
    let effect =
      switch fault.effect {
      case .corrupt: "has its data changed and reports success"
      case .error: "fails with an I/O error"
      case .delay(let time): "completes \(TimeText.render(time)) later"
      case .short: "transfers a part of its data and fails with an I/O error"
      }
    let chance = fault.probability < 1 ? "with a chance of \(fault.probability), each" : "each"
    let whole = 0..<disk.size
    let place =
      fault.range == whole
      ? ""
      : " that touches bytes \(SizeText.render(fault.range.lowerBound)) to "
        + SizeText.render(fault.range.upperBound)
    return "Fault: \(chance) \(requests)\(place) \(effect)."
  }
}
