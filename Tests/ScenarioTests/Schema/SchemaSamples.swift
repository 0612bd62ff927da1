import Scenario
import Testing

/// Good scenarios that have, all together, each key of the language wherever it may stand.
///
/// Whoever adds a key to the decoder and the schema gives it a place here.
enum SchemaSamples {
  static let all = (sections + workTypes + outcomes + phases + companions).map {
    SchemaSample(text: $0)
  }

  /// By section: a whole document, or pieces that are put into a small one.
  static let sections: [String] = [
    """
    {
      "$schema": "scenario.schema.json", "ktstr": 1, "name": "whole", "description": "All keys.",
      "machine": {
        "topology": "2n4l2c2t", "memory": "1GiB",
        "disk": {
          "size": "64MiB", "queues": 2, "throttle": { "iops": 5000, "bandwidth": "10MiB" },
          "faults": [
            { "operation": "read", "effect": "corrupt", "probability": 0.5, "offset": "1MiB",
              "length": "1.5MiB" },
            { "operation": "write", "effect": "delay", "delay": "50ms" },
            { "operation": "flush", "effect": "error" },
            { "operation": "any", "effect": "short", "probability": 1 }
          ]
        }
      },
      "cgroups": [
        { "name": "a/b", "cpu.max": "10ms/100ms", "cpu.weight": 200 },
        { "name": "c", "cpu.max": "max" }
      ],
      "work": [
        { "name": "one", "type": "spin", "workers": "50%", "cgroup": "a/b", "affinity": "llc:1",
          "policy": "fifo", "priority": 5, "nice": -3, "spawn": "thread" },
        { "name": "two", "type": "spin", "workers": 2, "affinity": "0-2,5", "policy": "batch" },
        { "name": "three", "type": "spin", "cgroup": "c", "policy": "deadline", "runtime": "1ms",
          "deadline": "5ms", "period": "10ms" },
        { "name": "hog", "type": "realtimeHog", "priority": 3 },
        { "name": "disk", "type": "diskVerify" }
      ],
      "duration": "3s", "timeout": "1m", "seed": 18446744073709551615,
      "expect": {
        "progress": false, "maxGap": [ { "work": "one", "limit": "1s" } ],
        "fairness": [
          { "cgroup": "a", "maxSpread": 0.25 }, { "work": "two", "maxSpread": "12.5%" }
        ],
        "minRate": [ { "work": "one", "perSecond": 0.5 } ],
        "diskVerified": true,
        "device": {
          "minReads": 1, "minWrites": 1, "minFlushes": 1, "minBytesRead": "1MiB",
          "minBytesWritten": "1KB", "maxIOErrors": 3
        }
      }
    }
    """,
    document("\"expect\": { \"maxGap\": \"1500ms\" }", machine: "\"cpus\": 2"),
    document(
      machine: """
        "topology": {
          "nodes": [ { "llcs": 2, "memory": "256MiB" }, { "llcs": 1 } ], "cores": 2, "threads": 2,
          "distances": [ [10, 21], [21, 10] ]
        }
        """),
  ]

  /// Each type by itself, and with each of its own keys.
  static let workTypes: [String] = WorkType.allCases.flatMap { type in
    [document(work: "\"type\": \"\(type.rawValue)\"")]
      + type.parameters.map { parameter in
        document(
          work: "\"type\": \"\(type.rawValue)\", \"\(parameter.key)\": \(value(of: parameter))")
      }
  }

  /// A value that any machine and any number of workers can have.
  private static func value(of parameter: WorkParameter) -> String {
    switch parameter.form {
    case .time(let range): "\"\(max(range.lowerBound, 1_000_000))ns\""
    case .size(let range, _): "\"\(max(range.lowerBound, 1 << 16))B\""
    case .count(let range): "\(range.lowerBound)"
    case .percent: "\"30%\""
    case .word(let words): "\"\(words.first ?? "")\""
    case .flag: "false"
    }
  }

  static func document(
    _ more: String = "\"seed\": 0", machine: String = "\"topology\": \"2n2l1c2t\"",
    work: String = "\"type\": \"spin\""
  ) -> String {
    """
    {
      "ktstr": 1, "name": "small",
      "machine": { \(machine), "memory": "512MiB", "disk": { "size": "64MiB" } },
      "cgroups": [ { "name": "a" } ], "work": [ { "name": "w", \(work) } ], "duration": "3s",
      \(more)
    }
    """
  }
}

/// A good scenario.
struct SchemaSample: Sendable, CustomTestStringConvertible {
  let text: String

  var testDescription: String {
    "\(text.split(separator: "\n").dropFirst().joined(separator: " ").prefix(200))"
  }
}
