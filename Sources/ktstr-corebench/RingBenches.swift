import Virtio

/// One micro-benchmark, under the name that it has elsewhere, too.
struct RingBenchmark: Sendable {
  let name: String
  /// What is counted.
  let unit: String
  /// How many rounds make a sample of some tenths of a millisecond or more.
  var rounds = 400
  /// Does a number of rounds on a queue of its own.
  let run: @Sendable (_ rounds: Int) throws -> RingSample
}

extension RingBenchmark {
  /// All of them: those of the rings, and those of the memory beneath.
  static func all() -> [RingBenchmark] {
    [walk16, pop16, addUsed(batch: 16), addUsed(batch: 256), take16, turn16, requestParse]
      + [chain128(indirect: false), chain128(indirect: true), chains128]
      + [memory("findRegion256", unit: "lookup"), memory("rwCross", unit: "write and read")]
  }

  private static let walk16 = walk("walk16", length: 16, indirect: false)

  private static func chain128(indirect: Bool) -> RingBenchmark {
    walk(indirect ? "chain128Indirect" : "chain128", length: 128, indirect: indirect)
  }

  /// Loads a chain of so many descriptors, again and again: nothing is taken.
  private static func walk(_ name: String, length: Int, indirect: Bool) -> RingBenchmark {
    RingBenchmark(name: name, unit: "descriptor") { rounds in
      var bench = try RingBench(chainLength: length, writable: 0, indirect: indirect)
      var sample = RingSample()
      for _ in 0..<rounds {
        try sample.measure(16 * length) { try walkMeasuredSection(&bench) }
      }
      return sample
    }
  }

  /// Takes heads in batches of 16 with one look at the available index each.
  private static let pop16 = RingBenchmark(name: "pop16", unit: "chain") { rounds in
    var bench = try RingBench(chainLength: 1, writable: 1)
    var sample = RingSample()
    for _ in 0..<rounds {
      try sample.measure(256) { try popMeasuredSection(&bench) }
      try sample.prepare { try addUsedAll(&bench, batch: 256) }
    }
    return sample
  }

  /// Loads and takes chains of one descriptor.
  private static let take16 = RingBenchmark(name: "take16", unit: "chain") { rounds in
    var bench = try RingBench(chainLength: 1, writable: 1)
    var sample = RingSample()
    for _ in 0..<rounds {
      try sample.measure(256) { try takeMeasuredSection(&bench) }
      try sample.prepare { try addUsedAll(&bench, batch: 256) }
    }
    return sample
  }

  /// Answers requests and publishes them together.
  private static func addUsed(batch: Int) -> RingBenchmark {
    RingBenchmark(name: "addUsed\(batch)", unit: "answer") { rounds in
      var bench = try RingBench(chainLength: 1, writable: 1)
      var sample = RingSample()
      for _ in 0..<rounds {
        try sample.prepare { try popAll(&bench) }
        try sample.measure(256) { try addUsedMeasuredSection(&bench, batch: batch) }
      }
      return sample
    }
  }

  private static let turn16 = RingBenchmark(name: "turn16", unit: "request") { rounds in
    var bench = try RingBench(chainLength: 1, writable: 1)
    var sample = RingSample()
    for _ in 0..<rounds { try sample.measure(256) { try turnMeasuredSection(&bench) } }
    return sample
  }

  /// 128 chains of one descriptor, loaded and taken, and answered outside of the measurement.
  private static let chains128 = RingBenchmark(name: "chains128", unit: "chain") { rounds in
    var bench = try RingBench(chainLength: 1, writable: 1, indirect: true)
    var sample = RingSample()
    for _ in 0..<rounds {
      try sample.measure(256) { try takeMeasuredSection(&bench) }
      try sample.prepare { try addUsedAll(&bench, batch: 128) }
    }
    return sample
  }

  /// One of MemoryBenches.swift; made only when it runs, since it maps much memory.
  private static func memory(_ name: String, unit: String) -> RingBenchmark {
    RingBenchmark(name: name, unit: unit, rounds: 8) { rounds in
      var sample = RingSample()
      for bench in memoryBenches() where bench.name == name {
        for _ in 0..<rounds {
          sample.measure(bench.operations) { memoryMeasuredSection(bench.body) }
        }
      }
      return sample
    }
  }

  private static let requestParse = RingBenchmark(name: "requestParse", unit: "request") { rounds in
    var bench = try RingBench(chainLength: 3, writable: 2)
    var sample = RingSample()
    for _ in 0..<rounds { try sample.measure(64) { try parseMeasuredSection(&bench) } }
    return sample
  }
}
