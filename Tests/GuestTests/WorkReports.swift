import Foundation
import HostOS
import Testing

/// What the workers of a run reported, read from its `events.jsonl`.
struct WorkReports {
  struct Worker: Decodable {
    var work: Int
    var worker: Int
    var end: String
    var code: Int
    var iterations: UInt64
    var workUnits: UInt64
    var wall: UInt64
    var cpu: UInt64
    var runDelay: UInt64
    var offCPU: UInt64
    var voluntarySwitches: UInt64
    var involuntarySwitches: UInt64
    var migrations: UInt64
    var cpusSeen: [UInt64]
    var startDelay: UInt64
    var longestGap: UInt64
  }

  struct Latency: Decodable {
    var count: UInt64
    var sum: UInt64
    var min: UInt64
    var p50: UInt64
    var p99: UInt64
    var max: UInt64
  }

  private struct Line: Decodable {
    var event: String
    var report: Worker?
    var latency: Latency?
    var work: Int?
    var worker: Int?
    var kind: String?
    var text: String?
  }

  private struct Identity: Hashable {
    var work: Int
    var worker: Int
    var kind = ""
  }

  private let names: [String]
  private var workers: [Identity: Worker] = [:]
  private var latencies: [Identity: Latency] = [:]
  /// What the kernel counted while the work ran, and how long tasks ran in nanoseconds.
  private(set) var kernel: (switches: UInt64, forks: UInt64, faults: UInt64, ran: UInt64)?
  /// KiB that init and its workers held.
  private(set) var memory: UInt64?
  /// Problems and lines for people.
  private(set) var texts: [String] = []

  /// Runs work that no check fails, with results in the scratch directory.
  static func of(
    _ scenario: String, in scratch: Scratch, options: [String] = []
  ) throws -> WorkReports {
    let file = try scratch.write(scenario, to: "work.json")
    let run = try Invocation.test([file], options: options, in: scratch).run()
    #expect(Invocation.failures(of: run) == [])
    return try WorkReports(reading: run.directory)
  }

  init(reading directory: String) throws {
    struct Scenario: Decodable {
      struct Work: Decodable { var name: String }
      var work: [Work]
    }
    let scenario = try Files.read(directory + "/scenario.json", limit: 1 << 20)
    names = try JSONDecoder().decode(Scenario.self, from: Data(scenario)).work.map(\.name)
    let events = try Files.read(directory + "/events.jsonl", limit: 1 << 24)
    for bytes in events.split(separator: UInt8(ascii: "\n")) {
      let line = try JSONDecoder().decode(Line.self, from: Data(bytes))
      if let report = line.report {
        workers[Identity(work: report.work, worker: report.worker)] = report
      } else if let latency = line.latency, let work = line.work, let worker = line.worker {
        latencies[Identity(work: work, worker: worker, kind: line.kind ?? "")] = latency
      } else if let text = line.text {
        read(text)
      }
    }
  }

  private mutating func read(_ text: String) {
    texts.append(text)
    let numbers = text.split(separator: " ").compactMap { UInt64($0) }
    if text.hasPrefix("the kernel counted "), numbers.count == 4 {
      kernel = (numbers[0], numbers[1], numbers[2], numbers[3])
    }
    if text.hasPrefix("init and its workers hold "), numbers.count == 1 { memory = numbers[0] }
  }

  /// All workers.
  var all: [Worker] { Array(workers.values) }

  /// The workers of a group, in their order.
  func group(_ name: String) throws -> [Worker] {
    let index = try #require(names.firstIndex(of: name))
    return workers.values.filter { $0.work == index }.sorted { $0.worker < $1.worker }
  }

  /// A worker's latency, such as `wake` of the first of `spin`.
  func latency(_ kind: String, _ name: String, _ worker: Int) throws -> Latency {
    let index = try #require(names.firstIndex(of: name))
    return try #require(
      latencies[Identity(work: index, worker: worker, kind: kind)],
      "no \(kind) latency of \(name)/\(worker)")
  }

  /// Iterations of a whole group.
  func iterations(_ name: String) throws -> UInt64 {
    try group(name).reduce(0) { $0 + $1.iterations }
  }
}
