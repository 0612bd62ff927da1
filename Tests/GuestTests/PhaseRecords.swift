import Foundation
import HostOS
import Testing

/// What the phases of a run told, and the samples of its workers, from its `events.jsonl`.
struct PhaseRecords {
  struct Record: Decodable {
    var event: String
    var guest: UInt64?
    var step: Int?
    var phase: String?
    var what: String?
    var text: String?
    var failure: String?
    var errno: Int?
    var began: UInt64?
    var end: String?
    var stage: String?
    var samples: [[UInt64]]?
  }

  private struct Kind: Decodable {
    var event: String
  }

  let phases: [Record]
  let problems: [String]
  private let samples: [Record]
  /// When the work began and ended, guest time in nanoseconds.
  let work: Range<UInt64>

  init(reading directory: String) throws {
    let events = try Files.read(directory + "/events.jsonl", limit: 1 << 24)
    let lines = events.split(separator: UInt8(ascii: "\n")).map { Data($0) }
    var records: [Record] = []
    for line in lines {
      // What schedulers and payloads tell has another form.
      let kind = try JSONDecoder().decode(Kind.self, from: line).event
      if kind == "scheduler" || kind == "payload" { continue }
      records.append(try JSONDecoder().decode(Record.self, from: line))
    }
    phases = records.filter { $0.event == "phase" }
    samples = records.filter { $0.event == "samples" }
    problems = records.filter { $0.event == "problem" }.compactMap(\.text)
    func moment(_ stage: String) throws -> UInt64 {
      try #require(records.first { $0.stage == stage }?.guest)
    }
    let start = try moment("workStarted")
    work = start..<max(start, try moment("workEnded"))
  }

  /// From the end of the last action of a step to the end of the step.
  func hold(_ step: Int) throws -> Range<UInt64> {
    let of = phases.filter { $0.step == step }
    let end = try #require(of.last { $0.what == "ended" }?.guest)
    let start = try #require(of.last { $0.what != "ended" }?.guest)
    return start..<max(start, end)
  }

  /// Actions that failed, with why.
  var failures: [String] {
    phases.compactMap { record in record.failure.map { "\(record.text ?? ""): \($0)" } }
  }

  /// Iterations of a worker in the samples of a stretch of time.
  func iterations(_ work: Int, _ worker: Int, in time: Range<UInt64>) -> [UInt64] {
    samples.filter { time.contains($0.guest ?? 0) }.flatMap { $0.samples ?? [] }
      .filter { $0[0] == UInt64(work) && $0[1] == UInt64(worker) }.map { $0[2] }
  }

  /// The share of a CPU that a worker had in a stretch of time, by its first and last sample there.
  func cpuShare(_ work: Int, _ worker: Int, in time: Range<UInt64>) throws -> Double {
    let readings = samples.filter { time.contains($0.guest ?? 0) }.compactMap { record in
      record.samples?.first { $0[0] == UInt64(work) && $0[1] == UInt64(worker) }
        .map { (time: record.guest ?? 0, cpu: $0[3]) }
    }
    let (first, last) = (try #require(readings.first), try #require(readings.last))
    try #require(last.time > first.time)
    return Double(last.cpu - first.cpu) / Double(last.time - first.time)
  }

  /// The longest time without a sample in which the work ran.
  var longestPause: UInt64 {
    var last = work.lowerBound
    var longest: UInt64 = 0
    for sample in samples.compactMap(\.guest) {
      longest = max(longest, sample > last ? sample - last : 0)
      last = sample
    }
    return longest
  }
}
