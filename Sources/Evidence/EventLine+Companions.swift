import Wire

/// What happened to a scheduler or a payload, as the rest of its line.
struct CompanionLine: Encodable {
  var what: String
  var text: String?
  var bytes: Int?
  var pid: UInt32?
  var deliberate: Bool?
  var file: UInt16?

  init(_ what: SchedulerEvent.What) {
    switch what {
    case .started(let pid): self.init("started", pid: pid)
    case .attached(let name): self.init("attached", text: name)
    case .notAttached(let text): self.init("notAttached", text: text)
    case .lost(let state): self.init("lost", text: state)
    case .ended(let end):
      self.init(
        "ended",
        text: "state \(end.state), program \(Self.text(of: end.process))\n\(end.kernelLog)",
        deliberate: end.isDeliberate)
    case .output(let stream, let bytes): self.init("\(stream)", bytes: bytes.count)
    case .outputCut(let stream): self.init("\(stream)Cut")
    case .toldToGo: self.init("toldToGo")
    }
  }

  init(_ what: PayloadEvent.What) {
    switch what {
    case .started(let pid): self.init("started", pid: pid)
    case .output(let stream, let bytes): self.init("\(stream)", bytes: bytes.count)
    case .outputCut(let stream): self.init("\(stream)Cut")
    case .file(let index, let bytes): self.init("file", bytes: bytes.count, file: index)
    case .fileMissing(let index, let errno):
      self.init("fileMissing", text: "errno \(errno)", file: index)
    case .ended(let end, let cause): self.init("ended", text: "\(Self.text(of: end)), \(cause)")
    }
  }

  private init(
    _ what: String, text: String? = nil, bytes: Int? = nil, pid: UInt32? = nil,
    deliberate: Bool? = nil, file: UInt16? = nil
  ) {
    self.what = what
    self.text = text
    self.bytes = bytes
    self.pid = pid
    self.deliberate = deliberate
    self.file = file
  }

  private static func text(of end: ProgramEnd?) -> String {
    end.map { "\($0)" } ?? "still there"
  }
}
