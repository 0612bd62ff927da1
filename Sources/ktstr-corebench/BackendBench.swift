import DriverMock
import Glibc
import HostOS
import SystemPackage

// Our vhost-user backend and qemu-storage-daemon side by side: both export the same file on tmpfs,
// each in a process of its own, and the same client drives them in turns.

/// What one backend did with one profile in one round.
private struct Sample {
  var operationsPerSecond: Double
  var cpuNanosecondsPerOperation: Double
  var median: Double
  var p99: Double
  var kicksPerOperation: Double
}

private struct BenchFailure: Error, CustomStringConvertible {
  var description: String
}

/// A backend that serves the file at a socket.
private struct Backend: ~Copyable {
  let name: String
  let path: String
  private var process: ChildProcess
  private let load: BlockLoad
  private let frontend: MockFrontend

  init(name: String, program: String, arguments: [String], path: String) throws {
    var request = ProcessRequest(path: program, arguments: arguments)
    request.descriptors = [.init(2, to: 2)]
    let process = try ChildProcess(spawning: request)
    let socket = try Backend.connect(path, name)
    let frontend = try MockFrontend(socket: socket, memorySize: 8 << 20)
    try frontend.handshake(1 << 3 | 1 << 9 | 1 << 15)
    try frontend.setFeatures(BlockLoad.features)
    try frontend.setMemoryTable()
    let load = try BlockLoad(frontend)
    try load.start()
    self.name = name
    self.path = path
    self.process = process
    self.frontend = frontend
    self.load = load
  }

  private static func connect(_ path: String, _ name: String) throws -> OwnedDescriptor {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    while true {
      if let socket = try? UnixSocket.connect(to: path) { return socket }
      guard MonotonicTime.now() < deadline else {
        throw BenchFailure(description: "\(name) does not listen on \(path) after 10 s")
      }
      usleep(10_000)
    }
  }

  func measure(
    _ profile: BlockLoad.Profile, _ bytes: UInt64, nanoseconds: UInt64, seed: UInt64
  ) throws -> Sample {
    let before = try cpuNanoseconds()
    let result = try load.run(
      profile, diskBytes: bytes, nanoseconds: nanoseconds, seed: seed)
    let cpu = try cpuNanoseconds() - before
    guard result.failures == 0, result.operations > 0 else {
      throw BenchFailure(
        description: "\(name): \(result.failures) of \(result.operations) operations failed")
    }
    let operations = Double(result.operations)
    return Sample(
      operationsPerSecond: operations * 1e9 / Double(result.nanoseconds),
      cpuNanosecondsPerOperation: Double(cpu) / operations,
      median: Double(result.latency(0.5)), p99: Double(result.latency(0.99)),
      kicksPerOperation: Double(result.kicks) / operations)
  }

  /// CPU time of all threads of the process, those that have ended included.
  private func cpuNanoseconds() throws -> UInt64 {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(process.pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
      throw BenchFailure(description: "\(name) is gone")
    }
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  var pid: CInt { process.pid }

  mutating func end() throws {
    frontend.hangUp()
    process.signal(SIGTERM)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    guard try process.wait(until: deadline) != nil else {
      throw BenchFailure(description: "\(name) goes on after SIGTERM")
    }
  }
}

private struct Options {
  var ktstr = ".build/release/ktstr"
  var daemon = "/usr/bin/qemu-storage-daemon"
  var rounds = 7
  var milliseconds: UInt64 = 500
  var only: String?
  var aio = "threads"
  var poll: String?

  static let usage = """
    usage: ktstr-corebench backend [--ktstr PATH] [--daemon PATH] [--rounds N] [--milliseconds N]
           [--aio threads|io_uring|native] [--only PROFILE] [--poll MICROSECONDS]
    """

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw BenchFailure(description: Self.usage) }
      switch name {
      case "--ktstr": ktstr = value
      case "--daemon": daemon = value
      case "--aio": aio = value
      case "--only": only = value
      case "--poll": poll = value
      case "--rounds":
        guard let number = Int(value), number > 0 else {
          throw BenchFailure(description: Self.usage)
        }
        rounds = number
      case "--milliseconds":
        guard let number = UInt64(value), number > 0 else {
          throw BenchFailure(description: Self.usage)
        }
        milliseconds = number
      default: throw BenchFailure(description: Self.usage)
      }
    }
  }
}

private let profiles: [(name: String, profile: BlockLoad.Profile)] = [
  ("randread-4k-1", .init(writes: false, isSequential: false, blockSize: 4096, depth: 1)),
  ("randwrite-4k-1", .init(writes: true, isSequential: false, blockSize: 4096, depth: 1)),
  ("randread-4k-32", .init(writes: false, isSequential: false, blockSize: 4096, depth: 32)),
  ("randwrite-4k-32", .init(writes: true, isSequential: false, blockSize: 4096, depth: 32)),
  ("seqread-128k-8", .init(writes: false, isSequential: true, blockSize: 128 << 10, depth: 8)),
  ("seqwrite-128k-8", .init(writes: true, isSequential: true, blockSize: 128 << 10, depth: 8)),
]

/// Bytes of the exported file, all of them written before: tmpfs allocates on the first write.
private let diskBytes: UInt64 = 256 << 20

/// Measures both backends and prints a table; 0 when all went well.
func runBackendBench(arguments: [String]) -> Int32 {
  do {
    let options = try Options(arguments)
    let directory = "/dev/shm/ktstr-backend-bench-\(getpid())"
    try Files.makeDirectories(directory)
    defer { try? Files.removeTree(directory) }
    try compare(options, directory)
    return 0
  } catch {
    try? DescriptorIO.write(Array("\(error)\n".utf8), to: 2, subject: "standard error")
    return 1
  }
}

private func compare(_ options: Options, _ directory: String) throws {
  let file = directory + "/disk"
  try fill(file)
  var ktstrArguments = ["blk", "--quiet", "--socket", directory + "/k", "--file", file]
  if let poll = options.poll { ktstrArguments += ["--poll", poll] }
  var ours = try Backend(
    name: "ktstr", program: options.ktstr, arguments: ktstrArguments, path: directory + "/k")
  var theirs = try Backend(
    name: "qsd", program: options.daemon,
    arguments: [
      "--blockdev",
      "driver=file,node-name=f,filename=\(file),cache.direct=off,aio=\(options.aio)",
      "--export",
      "type=vhost-user-blk,id=e,addr.type=unix,addr.path=\(directory)/q,node-name=f,writable=on",
    ], path: directory + "/q")
  print("ktstr is process \(ours.pid), qemu-storage-daemon process \(theirs.pid)")
  print(
    "medians of \(options.rounds) alternating rounds of \(options.milliseconds) ms; "
      + "latencies in us, CPU in us per operation, kicks per operation")
  print(header)
  for (index, entry) in profiles.enumerated() {
    if let only = options.only, !entry.name.hasPrefix(only) { continue }
    var samples: (ours: [Sample], theirs: [Sample]) = ([], [])
    for round in 0..<options.rounds {
      let seed = UInt64(index * 1000 + round)
      let time = options.milliseconds * 1_000_000
      func turn(_ backend: borrowing Backend) throws -> Sample {
        try backend.measure(entry.profile, diskBytes, nanoseconds: time, seed: seed)
      }
      // Who goes first changes, so that neither gets the warmer host.
      if round % 2 == 0 {
        samples.ours.append(try turn(ours))
        samples.theirs.append(try turn(theirs))
      } else {
        samples.theirs.append(try turn(theirs))
        samples.ours.append(try turn(ours))
      }
    }
    printRow(entry.name, samples.ours, samples.theirs)
  }
  try ours.end()
  try theirs.end()
}

private let header =
  pad("profile", 16) + pad("ktstr op/s", 12, .right) + pad("qsd op/s", 12, .right)
  + pad("ratio", 8, .right) + pad("cpu", 8, .right) + pad("qsd", 8, .right)
  + pad("p50", 9, .right) + pad("qsd", 9, .right) + pad("p99", 9, .right) + pad("qsd", 9, .right)
  + pad("kicks", 8, .right) + pad("qsd", 8, .right)

private func printRow(_ name: String, _ ours: [Sample], _ theirs: [Sample]) {
  func middle(_ samples: [Sample], _ value: KeyPath<Sample, Double>) -> Double {
    let sorted = samples.map { $0[keyPath: value] }.sorted()
    return sorted[sorted.count / 2]
  }
  func micro(_ samples: [Sample], _ value: KeyPath<Sample, Double>, _ width: Int) -> String {
    pad(decimal(middle(samples, value) / 1000, 2), width, .right)
  }
  let rate = (middle(ours, \.operationsPerSecond), middle(theirs, \.operationsPerSecond))
  var line = pad(name, 16)
  line += pad(decimal(rate.0, 0), 12, .right) + pad(decimal(rate.1, 0), 12, .right)
  line += pad(decimal(rate.0 / rate.1, 2), 8, .right)
  line += micro(ours, \.cpuNanosecondsPerOperation, 8)
  line += micro(theirs, \.cpuNanosecondsPerOperation, 8)
  line += micro(ours, \.median, 9) + micro(theirs, \.median, 9)
  line += micro(ours, \.p99, 9) + micro(theirs, \.p99, 9)
  line += pad(decimal(middle(ours, \.kicksPerOperation), 2), 8, .right)
  line += pad(decimal(middle(theirs, \.kicksPerOperation), 2), 8, .right)
  print(line)
}

private func fill(_ path: String) throws {
  let file = try Files.open(path, O_RDWR | O_CREAT | O_TRUNC)
  let block = [UInt8](repeating: 0x5a, count: 1 << 20)
  for _ in 0..<Int(diskBytes) / block.count {
    try DescriptorIO.write(block, to: file.raw, subject: path)
  }
}

private enum Side {
  case left, right
}

private func pad(_ text: String, _ width: Int, _ side: Side = .left) -> String {
  let blank = String(repeating: " ", count: max(0, width - text.count))
  return side == .left ? text + blank : blank + text
}

private func decimal(_ value: Double, _ places: Int) -> String {
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let rounded = Int((value * scale).rounded())
  guard places > 0 else { return "\(rounded)" }
  let fraction = String(rounded % Int(scale))
  return "\(rounded / Int(scale))."
    + String(repeating: "0", count: places - fraction.count) + fraction
}
