import Glibc
import Virtio

/// Runs the micro-benchmarks of rings and memory.
///
/// Without arguments all of them, each in turn and several times over, with the median and the
/// fastest. `--once NAME ROUNDS` runs one of them exactly so often and prints only how many
/// operations that were: for tools that count instructions. `--list` prints the names.
func runRingBenches(arguments: [String]) -> Int32 {
  let benches = RingBenchmark.all()
  do {
    switch arguments.first {
    case nil:
      try report(benches)
    case "--list":
      for bench in benches { print(bench.name) }
    case "--once":
      guard arguments.count == 3, let rounds = Int(arguments[2]), rounds >= 0,
        let bench = benches.first(where: { $0.name == arguments[1] })
      else { return usage() }
      print(try bench.run(rounds).operations)
    default:
      return usage()
    }
    return 0
  } catch {
    print("failed: \(error)")
    return 1
  }
}

private func usage() -> Int32 {
  print("usage: ktstr-corebench rings [--list | --once NAME ROUNDS]")
  return 64
}

private func report(_ benches: [RingBenchmark]) throws {
  let samples = 15
  var values = [[Double]](repeating: [], count: benches.count)
  // In turns, so that a slow moment of the host does not fall on one of them alone.
  for _ in 0..<samples {
    for (index, bench) in benches.enumerated() {
      let sample = try bench.run(bench.rounds)
      values[index].append(Double(sample.nanoseconds) / Double(max(1, sample.operations)))
    }
  }
  print(pad("", 18), pad("median", 10), pad("fastest", 10))
  for (index, bench) in benches.enumerated() {
    let sorted = values[index].sorted()
    let median = number(sorted[samples / 2])
    print(pad(bench.name, 18), pad(median, 10), pad(number(sorted[0]), 10), "ns/\(bench.unit)")
  }
}

private func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

private func number(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}
