/// A host-side moment of a run, one line of `timeline.jsonl`.
package struct Milestone: Codable, Equatable, Sendable {
  /// What happened.
  package enum Name: String, Codable, Sendable, CaseIterable {
    /// The supervisor began to prepare the run.
    case prepareStarted
    /// The run's process started.
    case processStarted
    /// The engine's process or vCPUs were started.
    case engineStarted
    /// The first byte of kernel console arrived.
    case firstConsoleByte
    /// The guest's first event arrived.
    case guestHello
    /// All workers were let go.
    case workStarted
    /// Workers were told to stop.
    case workEnded
    /// The guest's last event arrived.
    case guestFinished
    /// The engine has ended.
    case engineEnded
    /// The run's process is done.
    case processEnded
    /// The supervisor has judged the evidence.
    case judged
  }

  /// Which moment.
  package var name: Name
  /// Host monotonic time, nanoseconds.
  package var host: UInt64
  /// Processor time that the run's process had used by then, nanoseconds; nil where nobody looked.
  package var processorTime: UInt64?

  /// Makes a milestone.
  package init(name: Name, host: UInt64, processorTime: UInt64? = nil) {
    self.name = name
    self.host = host
    self.processorTime = processorTime
  }
}

extension RunDirectory {
  /// Adds a milestone behind those of the run's process, which must have ended.
  ///
  /// - Throws: ``EvidenceError``.
  package func append(_ milestone: Milestone) throws(EvidenceError) {
    let line = try EvidenceJSON.encode(milestone, for: RunFile.timeline.rawValue)
    try EvidenceFile(appendingTo: path(of: .timeline)).append(line + [UInt8(ascii: "\n")])
  }

  /// The milestones that the run got to, in order.
  ///
  /// - Throws: ``EvidenceError``.
  package func milestones() throws(EvidenceError) -> [Milestone] {
    let content = try read(.timeline) ?? []
    guard let end = content.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    var milestones: [Milestone] = []
    for line in content[..<end].split(separator: UInt8(ascii: "\n")) {
      milestones.append(
        try EvidenceJSON.decode(Milestone.self, from: Array(line), file: path(of: .timeline)))
    }
    return milestones
  }
}
