extension ScenarioDecoder {
  /// As the kernel takes (`MAX_ARG_STRINGS` is far more); a scenario is a page of text.
  private static let mostArguments = 256
  private static let mostFiles = 64
  private static let mostSchedulers = 16
  private static let mostPayloads = 16
  private static let mostMetrics = 32

  /// The scheduler; nil for the kernel's own.
  func scheduler(_ node: Node?) -> SchedulerSpec? {
    guard let node else { return nil }
    if case .text(let word) = node.value.kind {
      if word != "none" {
        node.refuse(expected: "\"none\", or an object with \"object\" or \"program\"")
      }
      return nil
    }
    return node.object().flatMap { scheduler($0, name: $0["name"]) }
  }

  /// The schedulers that phases attach.
  func laterSchedulers(_ node: Node?, besides first: SchedulerSpec?) -> [SchedulerSpec] {
    guard let node else { return [] }
    var seen = Set(first.map { [$0.name] } ?? [])
    return node.list(upTo: Self.mostSchedulers).compactMap { element in
      guard let object = element.object() else { return nil }
      let name = object.required("name")
      guard let spec = scheduler(object, name: name), name != nil else { return nil }
      if !seen.insert(spec.name).inserted {
        diagnostics.add(
          "the scheduler \(Quoting.quoted(spec.name)) occurs twice",
          path: element.path.appending("name"))
      }
      return spec
    }
  }

  private func scheduler(_ object: ObjectNode, name: Node?) -> SchedulerSpec? {
    let node = object.node
    let own = name.map { $0.name(signs: "._-") }
    // A name that could not be read has been refused.
    func made(_ source: SchedulerSpec.Source) -> SchedulerSpec {
      SchedulerSpec(name: own ?? nil, source: source)
    }
    switch (object["object"], object["program"]) {
    case (nil, nil):
      node.refuse("missing key \"object\" (or \"program\")")
      return nil
    case (.some, .some(let program)):
      program.refuse("expected only one of \"object\" and \"program\", found both")
      return nil
    case (.some(let path), nil):
      object.allow(only: ["name", "object", "settings"]) { key in
        ["arguments", "files"].contains(key)
          ? "\(Quoting.quoted(key)) goes with \"program\", \"settings\" with \"object\"" : nil
      }
      let settings = object["settings"].map { self.settings($0) } ?? []
      return filled(path).map { made(.object(path: $0, settings: settings)) }
    case (nil, .some):
      object.allow(only: ["name", "program", "arguments", "files"]) { key in
        key == "settings"
          ? "\"settings\" goes with \"object\", \"arguments\" with \"program\"" : nil
      }
      return program(object).map { made(.program($0)) }
    }
  }

  private func settings(_ node: Node) -> [SchedulerSpec.Setting] {
    guard let object = node.object() else { return [] }
    return object.members.compactMap { member in
      guard let value = object[member.key] else { return nil }
      let isName = member.key.unicodeScalars.allSatisfy { scalar in
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", ".": true
        default: false
        }
      }
      guard isName, !member.key.isEmpty else {
        value.refuse("expected the name of a variable of the object, or of ops.")
        return nil
      }
      switch value.value.kind {
      case .integer(let number): return .init(name: member.key, value: String(number))
      case .unsigned(let number): return .init(name: member.key, value: String(number))
      case .flag(let flag): return .init(name: member.key, value: flag ? "1" : "0")
      case .text(let text):
        guard !text.utf8.contains(0) else {
          value.refuse(expected: "a string without NUL")
          return nil
        }
        return .init(name: member.key, value: text)
      default:
        value.refuse(expected: "a whole number, a string, true or false")
        return nil
      }
    }
  }

  /// A string that a path or an argument can be.
  private func filled(_ node: Node, mayBeEmpty: Bool = false) -> String? {
    guard let text = node.text() else { return nil }
    guard mayBeEmpty || !text.isEmpty, !text.utf8.contains(0), text.utf8.count < 4096 else {
      node.refuse(expected: "a string of 1 to 4095 bytes without NUL")
      return nil
    }
    return text
  }

  private func program(_ object: ObjectNode) -> ProgramSpec? {
    let path = object.required("program").flatMap { filled($0) }
    let arguments =
      object["arguments"]?.list(upTo: Self.mostArguments).compactMap {
        filled($0, mayBeEmpty: true)
      } ?? []
    let files =
      object["files"]?.list(upTo: Self.mostFiles).compactMap { include($0) } ?? []
    return path.map { ProgramSpec(path: $0, arguments: arguments, files: files) }
  }

  /// `HOST` or `HOST:GUEST`; the last colon divides.
  private func include(_ node: Node) -> ProgramSpec.Include? {
    guard let text = filled(node) else { return nil }
    guard let colon = text.lastIndex(of: ":") else { return .init(host: text, guest: nil) }
    let (host, guest) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
    guard !host.isEmpty, guest.hasPrefix("/") else {
      node.refuse(expected: "a path, or \"HOST:GUEST\" with an absolute path in the guest")
      return nil
    }
    return .init(host: host, guest: guest)
  }

  /// The programs beside the work.
  func payloads(_ node: Node?, cgroups: [DecodedCgroup]?) -> [PayloadSpec] {
    guard let node else { return [] }
    var seen: Set<String> = []
    return node.list(upTo: Self.mostPayloads).compactMap { element in
      guard let object = element.object() else { return nil }
      object.allow(
        only: ["name", "program", "arguments", "files", "limit", "cgroup", "metrics"])
      let name = object.required("name")?.name(signs: "._-")
      if let name, !seen.insert(name).inserted {
        diagnostics.add(
          "the payload \(Quoting.quoted(name)) occurs twice",
          path: element.path.appending("name"))
      }
      let program = self.program(object)
      let limit = object["limit"]?.time(in: 1_000_000...Self.longestTime)
      let cgroup = object["cgroup"].flatMap { payloadGroup($0, in: cgroups) }
      let metrics = object["metrics"].map { self.metrics($0) } ?? []
      guard let name, let program else { return nil }
      return PayloadSpec(
        name: name, program: program, limitNanoseconds: limit, cgroup: cgroup, metrics: metrics)
    }
  }

  private func payloadGroup(_ node: Node, in cgroups: [DecodedCgroup]?) -> String? {
    guard let name = cgroupName(node) else { return nil }
    guard let cgroups else { return name }
    let names = cgroups.compactMap(\.name)
    let known = names + names.flatMap { CgroupSpec.ancestors(of: $0) }
    guard known.contains(name) else {
      node.refuse(
        "unknown cgroup \(Quoting.quoted(name))" + Spelling.hint(for: name, in: known))
      return nil
    }
    if let child = names.first(where: { $0.hasPrefix(name + "/") }) {
      node.refuse(
        "programs belong in a cgroup without children, but \(Quoting.quoted(name)) holds "
          + Quoting.quoted(child))
    }
    return name
  }

  private func metrics(_ node: Node) -> [PayloadSpec.Metric] {
    var seen: Set<String> = []
    return node.list(upTo: Self.mostMetrics).compactMap { element in
      guard let object = element.object() else { return nil }
      object.allow(only: ["name", "pointer", "from"])
      let name = object.required("name")?.name(signs: "._-")
      if let name, !seen.insert(name).inserted {
        diagnostics.add(
          "the metric \(Quoting.quoted(name)) occurs twice", path: element.path.appending("name"))
      }
      let expected = "a JSON pointer such as \"/jobs/0/iops\""
      guard let written = object.required("pointer"), let text = written.text(expected) else {
        return nil
      }
      guard let pointer = JSONPointer(text) else {
        written.refuse(expected: expected)
        return nil
      }
      guard let source = source(object["from"]), let name else { return nil }
      return .init(name: name, pointer: pointer, source: source)
    }
  }

  private func source(_ node: Node?) -> PayloadSpec.Metric.Source? {
    guard let node else { return .standardOutput }
    let expected = "\"stdout\" or \"file:/path/in/the/guest\""
    guard let text = node.text(expected) else { return nil }
    if text == "stdout" { return .standardOutput }
    guard text.hasPrefix("file:/"), text.utf8.count < 4096, !text.utf8.contains(0) else {
      node.refuse(expected: expected)
      return nil
    }
    return .file(String(text.dropFirst(5)))
  }

  /// What `expect` asks of payloads.
  func payloadExpectations(_ node: Node?, of payloads: [PayloadSpec]) -> [PayloadExpectation] {
    guard let node else { return [] }
    return node.list(upTo: Self.maximumGroups).compactMap { element in
      guard let object = element.object() else { return nil }
      object.allow(only: ["name", "status", "metric", "min", "max"])
      guard let named = object.required("name"), let name = named.text() else { return nil }
      guard let payload = payloads.first(where: { $0.name == name }) else {
        named.refuse(
          "unknown payload \(Quoting.quoted(name))"
            + Spelling.hint(for: name, in: payloads.map(\.name)))
        return nil
      }
      let status = object["status"]?.whole(in: 0...255).map { UInt8(truncatingIfNeeded: $0) }
      let metric = object["metric"].flatMap { self.metric($0, of: payload) }
      let least = object["min"].flatMap { finite($0) }
      let most = object["max"].flatMap { finite($0) }
      if object["metric"] != nil, object["min"] == nil, object["max"] == nil {
        element.refuse("a metric needs \"min\" or \"max\"")
      }
      if object["metric"] == nil, let border = object["min"] ?? object["max"] {
        border.refuse("goes with \"metric\"")
      }
      if object["metric"] == nil, object["status"] == nil {
        element.refuse("expected \"status\" or \"metric\", found neither")
      }
      if let least, let most, least > most {
        object["max"]?.refuse("is below \"min\"")
      }
      return PayloadExpectation(
        payload: name, status: status, metric: metric, minimum: least, maximum: most)
    }
  }

  private func metric(_ node: Node, of payload: PayloadSpec) -> String? {
    guard let name = node.text() else { return nil }
    let known = payload.metrics.map(\.name)
    guard known.contains(name) else {
      node.refuse("unknown metric \(Quoting.quoted(name))" + Spelling.hint(for: name, in: known))
      return nil
    }
    return name
  }

  private func finite(_ node: Node) -> Double? {
    guard let number = node.number, number.isFinite else {
      node.refuse(expected: "a number")
      return nil
    }
    return number
  }
}
