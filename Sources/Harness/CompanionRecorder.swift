import Evidence
import HostOS
import Wire

/// Writes what schedulers and payloads say into files of the run directory, as it arrives.
struct CompanionRecorder {
  /// What is kept in each file; the guest sends less.
  private static let fileLimit = 8 << 20

  private let directory: RunDirectory
  /// Names of the payloads, which the harness has written into the plan.
  private let payloads: [String]
  /// Names of the schedulers; the log tells them apart where there are several.
  private let schedulers: [String]
  private var splitter = SchedulerLogSplitter()
  /// Bytes in each file that was begun.
  private var written: [String: Int] = [:]

  /// Starts without files.
  init(directory: RunDirectory) {
    self.directory = directory
    let plan = (try? directory.read(.plan)).flatMap { $0 }
    let decoded = plan.flatMap { try? Plan(decoding: $0) }
    payloads = decoded?.payloads.map(\.name) ?? []
    schedulers = decoded?.schedulers.map(\.name) ?? []
  }

  /// Writes what an event brings.
  mutating func record(_ event: Event) throws(EvidenceError) {
    switch event {
    case .scheduler(let event):
      switch event.what {
      case .output(.standardOutput, let bytes): try keep(splitter.append(bytes))
      case .output(.standardError, let bytes):
        try append(bytes, to: RunFile.schedulerLog.rawValue)
      case .outputCut:
        try append(Array("(more was left out)\n".utf8), to: RunFile.schedulerLog.rawValue)
      case .ended(let end):
        try keep(splitter.finish())
        let lines = end.kernelLog.split(separator: "\n").map { "kernel: \($0)\n" }.joined()
        try append(Array(lines.utf8), to: RunFile.schedulerLog.rawValue)
      case .notAttached: try keep(splitter.finish())
      case .started:
        guard schedulers.count > 1, schedulers.indices.contains(Int(event.scheduler)) else { break }
        let line = "(\(schedulers[Int(event.scheduler)]) is started)\n"
        try append(Array(line.utf8), to: RunFile.schedulerLog.rawValue)
      case .attached, .lost, .toldToGo: break
      }
    case .payload(let event):
      guard payloads.indices.contains(Int(event.payload)) else { return }
      let name = "payload-\(payloads[Int(event.payload)])"
      switch event.what {
      case .output(.standardOutput, let bytes): try append(bytes, to: "\(name).out")
      case .output(.standardError, let bytes): try append(bytes, to: "\(name).err")
      case .file(let index, let bytes): try append(bytes, to: "\(name).file\(index)")
      case .started, .outputCut, .fileMissing, .ended: break
      }
    default: break
    }
  }

  private mutating func keep(_ pieces: (log: [UInt8], dump: [UInt8])) throws(EvidenceError) {
    try append(pieces.log, to: RunFile.schedulerLog.rawValue)
    try append(pieces.dump, to: RunFile.schedulerDump.rawValue)
  }

  private mutating func append(_ bytes: [UInt8], to name: String) throws(EvidenceError) {
    let size = written[name] ?? 0
    let kept = bytes.prefix(max(0, Self.fileLimit - size))
    guard !kept.isEmpty else { return }
    let path = "\(directory.path)/\(name)"
    let file =
      try written[name] == nil ? EvidenceFile(creating: path) : EvidenceFile(appendingTo: path)
    try file.append(kept)
    written[name] = size + kept.count
  }
}
