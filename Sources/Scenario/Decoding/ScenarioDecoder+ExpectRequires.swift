extension ScenarioDecoder {
  /// What kernel, host and engine must have.
  func requirements(_ node: Node) -> Requirements {
    var requires = Requirements()
    guard let object = node.object() else { return requires }
    object.allow(only: ["kernel", "features", "cpus", "numa", "engine"])
    if let kernel = object["kernel"] { requires.kernel = bounds(kernel) }
    requires.features = each(object["features"]) { feature($0) }
    requires.cpus = object["cpus"]?.whole(in: 1...8192).map { Int($0) }
    requires.numa = object["numa"]?.flag() ?? false
    requires.engine = object["engine"]?.choice("engine")
    return requires
  }

  private func bounds(_ node: Node) -> [ReleaseBound] {
    let expected = "bounds of a release such as \">=6.12\" or \">=6.12 <7\""
    guard let text = node.text(expected) else { return [] }
    let words = text.split(separator: " ")
    let bounds = words.compactMap { ReleaseBound($0) }
    guard !bounds.isEmpty, bounds.count == words.count else {
      node.refuse(expected: expected)
      return []
    }
    return bounds
  }

  private func feature(_ node: Node) -> String? {
    guard let text = node.text() else { return nil }
    let isOption =
      text.hasPrefix("CONFIG_")
      && text.dropFirst(7).utf8.contains { _ in true }
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
          || (0x61...0x7a).contains(byte) || byte == 0x5f
      }
    guard text == Requirements.schedExt || isOption else {
      node.refuse(expected: "\"sched_ext\" or an option such as \"CONFIG_PSI\"")
      return nil
    }
    return text
  }
}
