import DriverMock
import HostOS
import Virtio

/// Runs the random disk workload over both engines and 1 to 8 queues, a million requests together
/// unless `--requests` says otherwise, and prints what came of each; 1 when a byte differed.
func runIntegrity(arguments: [String]) -> Int32 {
  var requests = 1_000_000
  var seed = MonotonicTime.now().nanoseconds
  var rest = arguments[...]
  while let option = rest.popFirst() {
    guard let value = rest.popFirst() else {
      print("\(option) needs a number")
      return 2
    }
    switch (option, UInt64(value)) {
    case ("--requests", .some(let number)) where number < 1 << 40: requests = Int(number)
    case ("--seed", .some(let number)): seed = number
    default:
      print("unknown: \(option) \(value); there are --requests N and --seed S")
      return 2
    }
  }
  let engines: [(String, BlockEngineChoice)] = [
    ("synchronous", .synchronous), ("io_uring", .ioUring),
  ]
  let shapes = engines.flatMap { engine in [1, 2, 4, 8].map { (engine, $0) } }
  var isSound = true
  print("seed \(seed)")
  for ((name, engine), queues) in shapes {
    var workload = DiskWorkload()
    workload.requests = (requests + shapes.count - 1) / shapes.count
    workload.seed = seed
    workload.queues = queues
    workload.engine = engine
    workload.faults = DiskWorkload.usualFaults(seed: seed)
    do {
      let started = MonotonicTime.now()
      let report = try workload.run()
      let milliseconds = MonotonicTime.now().nanoseconds(since: started) / 1_000_000
      print(
        "\(name), \(queues) queues: \(report.answered) requests, \(report.failed) failed on "
          + "purpose, \(report.compared) sectors compared, \(milliseconds) ms")
      for trouble in report.troubles { print("  \(trouble)") }
      isSound =
        isSound && report.troubles.isEmpty && report.answered >= workload.requests / queues * queues
    } catch {
      print("\(name), \(queues) queues: \(error)")
      isSound = false
    }
  }
  print(isSound ? "not one byte differs" : "FAILED, seed \(seed)")
  return isSound ? 0 : 1
}
