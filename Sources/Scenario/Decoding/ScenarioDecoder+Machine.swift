extension ScenarioDecoder {
  func machine(_ node: Node) -> MachineSpec? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["cpus", "topology", "memory", "disk"])
    let topology = topology(object)
    let memory = memory(object, topology)
    let disk = object["disk"].flatMap { self.disk($0) }
    guard let topology, let memory else { return nil }
    return MachineSpec(topology: topology, memory: memory, disk: disk)
  }

  private func disk(_ node: Node) -> DiskSpec? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["size", "queues", "throttle", "faults"])
    let size = object.required("size")?.size(
      in: DiskSpec.sectorSize...DiskSpec.maximumSize, multipleOf: DiskSpec.sectorSize)
    let faults = object["faults"]?.list(upTo: 64).compactMap { fault($0, diskSize: size) }
    let queues = object["queues"]?.whole(in: 1...UInt64(DiskSpec.maximumQueues)) ?? 1
    let throttle = object["throttle"].flatMap { self.throttle($0) } ?? DiskThrottle()
    return size.map {
      DiskSpec(size: $0, queues: Int(queues), throttle: throttle, faults: faults ?? [])
    }
  }

  private func throttle(_ node: Node) -> DiskThrottle? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["iops", "bandwidth"])
    if object["iops"] == nil && object["bandwidth"] == nil {
      node.refuse("a throttle limits something; give \"iops\", \"bandwidth\" or both")
    }
    return DiskThrottle(
      operationsPerSecond: object["iops"]?.whole(in: 1...1_000_000_000),
      bytesPerSecond: object["bandwidth"]?.size(in: 1...DiskSpec.maximumSize))
  }

  private enum EffectName: String, CaseIterable {
    case corrupt, error, delay, short
  }

  private func fault(_ node: Node, diskSize: UInt64?) -> DiskFault? {
    guard let object = node.object() else { return nil }
    object.allow(only: ["operation", "effect", "probability", "delay", "offset", "length"])
    let operation: DiskFault.Operation? = object.required("operation")?.choice("operation")
    let effectName: EffectName? = object.required("effect")?.choice("effect")
    let probability = object["probability"].map { self.probability($0) } ?? 1
    let effect = effectName.flatMap { self.effect($0, object) }
    let range = range(object, diskSize: diskSize)
    if operation == .flush {
      if effectName == .corrupt || effectName == .short {
        object["effect"]?.refuse("a flush has no data; it takes \"error\" or \"delay\"")
      }
      if let part = object["offset"] ?? object["length"] {
        part.refuse("a flush has no place on the disk; leave out \"offset\" and \"length\"")
      }
    }
    guard let operation, let effect, let probability, let range else { return nil }
    return DiskFault(
      operation: operation, effect: effect, probability: probability, range: range)
  }

  private func probability(_ node: Node) -> Double? {
    guard let number = node.number, number > 0, number <= 1 else {
      node.refuse(expected: "a number above 0 and up to 1")
      return nil
    }
    return number
  }

  private func effect(_ name: EffectName, _ object: ObjectNode) -> DiskFault.Effect? {
    if name != .delay, let delay = object["delay"] {
      delay.refuse("\"delay\" belongs to the effect \"delay\", not to \"\(name.rawValue)\"")
    }
    switch name {
    case .corrupt: return .corrupt
    case .error: return .error
    case .short: return .short
    case .delay:
      return object.required("delay")?.time(in: 1...60_000_000_000).map {
        .delay(nanoseconds: $0)
      }
    }
  }

  /// The bytes that a fault may hit, the whole disk if it names none.
  private func range(_ object: ObjectNode, diskSize: UInt64?) -> Range<UInt64>? {
    var offset: UInt64 = 0
    if let node = object["offset"] {
      guard let size = node.size(in: 0...DiskSpec.maximumSize), let diskSize else { return nil }
      guard size < diskSize else {
        node.refuse(expected: "a place on the disk of \(UnitFamily.size.render(diskSize))")
        return nil
      }
      offset = size
    }
    guard let diskSize else { return nil }
    guard let node = object["length"] else { return offset..<diskSize }
    guard let length = node.size(in: 1...DiskSpec.maximumSize) else { return nil }
    guard length <= diskSize - offset else {
      node.refuse(
        expected: "at most the \(UnitFamily.size.render(diskSize - offset)) behind the offset")
      return nil
    }
    return offset..<offset + length
  }
}
