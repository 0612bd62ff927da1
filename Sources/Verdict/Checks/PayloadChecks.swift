import Evidence
import Scenario
import Wire

/// What the evidence says of one payload.
struct PayloadRecord {
  private(set) var wasStarted = false
  private(set) var output: [UInt8] = []
  private(set) var errors: [UInt8] = []
  private(set) var outputIsCut = false
  private(set) var files: [Int: [UInt8]] = [:]
  private(set) var missingFiles: [Int: Int32] = [:]
  /// How and why it ended; nil while that was not told.
  private(set) var end: (end: ProgramEnd?, cause: PayloadEvent.Cause)?

  mutating func add(_ event: PayloadEvent) {
    switch event.what {
    case .started: wasStarted = true
    case .output(.standardOutput, let bytes): output += bytes
    case .output(.standardError, let bytes): errors += bytes
    case .outputCut(let stream): if stream == .standardOutput { outputIsCut = true }
    case .file(let index, let bytes): files[Int(index), default: []] += bytes
    case .fileMissing(let index, let errno): missingFiles[Int(index)] = errno
    case .ended(let end, let cause): self.end = (end, cause)
    }
  }
}

extension Ledger {
  /// How payloads ended, and the numbers that they were to show.
  func payloadChecks() -> [CheckResult] {
    var results: [CheckResult] = []
    for (payload, record) in zip(scenario.payloads, payloads) {
      let expected = scenario.expect.payloads.filter { $0.payload == payload.name }
      let statuses = expected.compactMap(\.status)
      for status in statuses.isEmpty ? [nil] : statuses.map(Optional.some) {
        results.append(payloadStatus(payload, record, expected: status))
      }
      for expectation in expected {
        guard let metric = payload.metrics.first(where: { $0.name == expectation.metric }) else {
          continue
        }
        if let least = expectation.minimum {
          results.append(
            payloadMetric(payload, record, metric, Limit(.atLeast, Quantity(least, .count))))
        }
        if let most = expectation.maximum {
          results.append(
            payloadMetric(payload, record, metric, Limit(.atMost, Quantity(most, .count))))
        }
      }
    }
    return results
  }

  private func payloadStatus(
    _ payload: PayloadSpec, _ record: PayloadRecord, expected: UInt8?
  ) -> CheckResult {
    let name = payload.name
    let last = String(decoding: record.errors.suffix(2000), as: UTF8.self)
    func result(_ status: CheckStatus, _ detail: String) -> CheckResult {
      CheckResult(
        .payloadStatus, CheckSubject(.payload, name), status, detail,
        excerpt: status == .pass || last.isEmpty ? nil : last,
        excerptIsTail: status == .pass || last.isEmpty ? nil : true)
    }
    guard let (end, cause) = record.end else {
      return result(
        .inconclusive,
        record.wasStarted
          ? "the end of \(name) was never told (\(reasonForAbsence))"
          : "\(name) was never told to be started (\(reasonForAbsence))")
    }
    if case .notStarted(let errno)? = end {
      return result(.error, "\(name) could not be started: \(errnoText(errno))")
    }
    let story = "\(name) \(text(of: end))"
    switch cause {
    case .itself:
      let wanted = expected ?? 0
      guard end == .exited(wanted) else {
        return result(.fail, "\(story), expected is status \(wanted)")
      }
      return result(.pass, story)
    case .limit, .endOfWork:
      let why = cause == .limit ? "when its limit was over" : "when the work was over"
      if end == nil { return result(.fail, "\(name) could not be killed \(why)") }
      guard let expected else {
        return result(.pass, "\(name) was told to end \(why), as planned (it \(text(of: end)))")
      }
      return result(
        .fail,
        "\(name) had to be told to end \(why) (it \(text(of: end))); expected is that it ends by "
          + "itself with status \(expected)")
    }
  }

  private func payloadMetric(
    _ payload: PayloadSpec, _ record: PayloadRecord, _ metric: PayloadSpec.Metric, _ limit: Limit
  ) -> CheckResult {
    let subject = CheckSubject(.payload, "\(payload.name) \(metric.name)")
    switch value(of: metric, payload, record) {
    case .failure(let absence):
      return CheckResult(.payloadMetric, subject, .inconclusive, limit: limit, absence.text)
    case .success(let number):
      let measured = Quantity(number, .count)
      let isGood = limit.holds(for: measured)
      let (shown, border) = Quantity.texts(measured, limit.quantity)
      let relation = limit.relation == .atLeast ? "at least" : "at most"
      return CheckResult(
        .payloadMetric, subject, isGood ? .pass : .fail, measured: measured, limit: limit,
        "\(metric.name) of \(payload.name) is \(shown), expected is \(relation) \(border)")
    }
  }

  private struct Absence: Error {
    var text: String
  }

  private func value(
    of metric: PayloadSpec.Metric, _ payload: PayloadSpec, _ record: PayloadRecord
  ) -> Result<Double, Absence> {
    func absent(_ text: String) -> Result<Double, Absence> { .failure(Absence(text: text)) }
    let document: [UInt8]
    let origin: String
    switch metric.source {
    case .standardOutput:
      origin = "the output of \(payload.name)"
      guard record.end != nil else { return absent("\(origin) never came to its end") }
      if record.outputIsCut { return absent("\(origin) is too long to be kept whole") }
      document = record.output
    case .file(let path):
      origin = "\(path) of \(payload.name)"
      let index = payload.files.firstIndex(of: path) ?? 0
      if let errno = record.missingFiles[index] {
        return absent("\(origin) could not be read: \(errnoText(errno))")
      }
      guard record.end != nil, let bytes = record.files[index] else {
        return absent("\(origin) never arrived (\(reasonForAbsence))")
      }
      document = bytes
    }
    let root: JSONValue
    do {
      root = try JSONParser.parse(document).value
    } catch {
      return absent(
        "\(origin) is no JSON: line \(error.position.line), column \(error.position.column): "
          + error.message)
    }
    guard let value = metric.pointer.value(in: root) else {
      return absent("\(origin) has nothing at \(metric.pointer)")
    }
    switch value.kind {
    case .integer(let number): return .success(Double(number))
    case .unsigned(let number): return .success(Double(number))
    case .number(let number, _) where number.isFinite: return .success(number)
    default: return absent("\(origin) has \(value.summary) at \(metric.pointer), and no number")
    }
  }
}
