import Wire

extension RunEvidence {
  /// Reads all that a run directory holds; what the run never got to write is missing, not an error.
  ///
  /// - Throws: ``EvidenceError`` for a directory that no run of ours wrote, or files that were
  ///   changed since.
  package init(reading directory: RunDirectory) throws(EvidenceError) {
    guard let identity = try directory.read(json: RunIdentity.self, from: .identity) else {
      throw .unreadable(
        file: directory.path(of: .identity), reason: "is missing or empty: not a run directory")
    }
    guard identity.schema == RunIdentity.currentSchema else {
      throw .unsupportedSchema(found: identity.schema, supported: RunIdentity.currentSchema)
    }
    var telemetry = TelemetryDecoder()
    var events = telemetry.append(try directory.read(.telemetry) ?? [])
    events += telemetry.finish()
    var console = ConsoleScanner()
    console.append(try directory.read(.console) ?? [])
    console.finish()
    self.init(
      identity: identity, events: events, stream: telemetry.health,
      consoleTrouble: console.trouble, devices: try Self.lastReadings(in: directory),
      outcome: try directory.read(json: RunOutcome.self, from: .outcome))
    hostNoise = try directory.read(json: HostNoise.self, from: .hostNoise)
  }

  private static func lastReadings(
    in directory: RunDirectory
  ) throws(EvidenceError) -> [DeviceCounters] {
    var last: [DeviceCounters] = []
    let content = try directory.read(.counters) ?? []
    // A last line without an end was cut by a kill: the one before it counts.
    guard let end = content.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    for line in content[..<end].split(separator: UInt8(ascii: "\n")) {
      let reading = try EvidenceJSON.decode(
        DeviceCounters.self, from: Array(line), file: directory.path(of: .counters))
      last.removeAll { $0.device == reading.device }
      last.append(reading)
    }
    return last
  }
}
