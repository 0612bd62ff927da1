extension CPUTopology: CustomStringConvertible {
  /// Reads the short form, `2n4l8c2t`: NUMA nodes, LLCs of the whole machine, cores per LLC,
  /// threads per core.
  ///
  /// - Throws: ``CPUTopologyError``.
  package init(_ text: String) throws(CPUTopologyError) {
    var counts: [Int] = []
    var rest = Substring(text)
    for letter in "nlct" {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest.removeFirst(digits.count)
      guard rest.popFirst() == letter, let count = Int(digits) else { throw .notation(text) }
      counts.append(count)
    }
    guard rest.isEmpty else { throw .notation(text) }
    try self.init(
      nodes: counts[0], llcs: counts[1], coresPerLLC: counts[2], threadsPerCore: counts[3])
  }

  /// The short form; where nodes differ in their LLCs, with those of each node in parentheses.
  package var description: String {
    let llcs = nodes.map(\.llcs)
    let caches =
      llcs.allSatisfy { $0 == llcs[0] }
      ? "\(llcCount)l" : "(\(llcs.map { "\($0)l" }.joined(separator: " ")))"
    return "\(nodes.count)n\(caches)\(coresPerLLC)c\(threadsPerCore)t"
  }
}

extension CPUTopology: Codable {
  private enum CodingKeys: String, CodingKey {
    case nodes, coresPerLLC, threadsPerCore, distances, apicIDGap
  }

  /// Reads a topology back, and sees that it is one: the file may have been edited.
  ///
  /// - Throws: `DecodingError`.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let nodes = try values.decode([Node].self, forKey: .nodes)
    let cores = try values.decode(Int.self, forKey: .coresPerLLC)
    let threads = try values.decode(Int.self, forKey: .threadsPerCore)
    let distances = try values.decodeIfPresent([[Int]].self, forKey: .distances)
    let gap = try values.decodeIfPresent(Int.self, forKey: .apicIDGap) ?? 0
    do throws(CPUTopologyError) {
      try self.init(
        nodes: nodes, coresPerLLC: cores, threadsPerCore: threads, distances: distances)
      self = spreadingAPICIDs(by: gap)
    } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(error)"))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(nodes, forKey: .nodes)
    try values.encode(coresPerLLC, forKey: .coresPerLLC)
    try values.encode(threadsPerCore, forKey: .threadsPerCore)
    if !hasDefaultDistances { try values.encode(distances, forKey: .distances) }
    if apicIDGap > 0 { try values.encode(apicIDGap, forKey: .apicIDGap) }
  }
}
