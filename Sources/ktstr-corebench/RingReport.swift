import Virtio

func runRingBenches(arguments: [String]) -> Int32 {
  do {
    for (name, body) in ringBenches {
      var values: [Double] = []
      for _ in 0..<15 {
        let sample = try body(2000)
        values.append(Double(sample.nanoseconds) / Double(sample.operations))
      }
      values.sort()
      print(name, values[7], values[0])
    }
    return 0
  } catch {
    print("failed: \(error)")
    return 1
  }
}

let ringBenches: [(String, @Sendable (Int) throws -> RingSample)] = [
  (
    "walk16",
    { rounds in
      var bench = try RingBench(chainLength: 16, writable: 0)
      bench.offer(1)
      var sample = RingSample()
      try sample.measure(rounds * 256) {
        for _ in 0..<rounds { try walkSection(&bench) }
      }
      return sample
    }
  ),
  (
    "pop16",
    { rounds in
      var bench = try RingBench(chainLength: 1, writable: 1)
      var sample = RingSample()
      var sink = 0
      for _ in 0..<rounds {
        try sample.measure(256) { sink &+= try popSection(&bench) }
        try addUsedSection(&bench, batch: 16)
      }
      blackHole(sink)
      return sample
    }
  ),
  (
    "take16",
    { rounds in
      var bench = try RingBench(chainLength: 1, writable: 1)
      var sample = RingSample()
      var sink = 0
      for _ in 0..<rounds {
        try sample.measure(256) { sink &+= try takeSection(&bench) }
        try addUsedSection(&bench, batch: 16)
      }
      blackHole(sink)
      return sample
    }
  ),
  (
    "addUsed16",
    { rounds in
      var bench = try RingBench(chainLength: 1, writable: 1)
      var sample = RingSample()
      var sink = 0
      for _ in 0..<rounds {
        sink &+= try popSection(&bench)
        try sample.measure(256) { try addUsedSection(&bench, batch: 16) }
      }
      blackHole(sink)
      return sample
    }
  ),
]

/// Uses a value, as far as the optimizer can tell.
@inline(never)
@_optimize(none)
func blackHole(_ value: Int) {}
