import DriverMock
import Glibc
import HostOS
import SystemPackage
import Testing

/// `ktstr blk` as its user sees it, with a mock in the place of a VMM.
@Suite(.serialized) struct BlkCommandTests {
  private func refusal(_ arguments: [String]) throws -> (status: CInt?, text: String) {
    let process = try KtstrProcess(["blk"] + arguments)
    let status = try process.finish(seconds: 10)
    #expect(process.output.isEmpty)
    guard case .exited(let code) = status else { return (nil, process.errors) }
    return (code, process.errors)
  }

  @Test func `what cannot be served is refused in one line that says what to do`() throws {
    let scratch = Scratch()
    let socket = ["--socket", scratch.path + "/s"]
    func file(_ name: String) -> [String] { socket + ["--file", scratch.path + "/" + name] }
    _ = try scratch.write("", to: "empty")
    _ = try scratch.write(String(repeating: "x", count: 4096), to: "disk")
    let cases: [(arguments: [String], said: String)] = [
      (file("none"), "no such file; --size 1G makes one"),
      (file("."), "is a directory"),
      (file("empty"), "0 bytes are too few for a disk; `truncate -s 1G` gives it a size"),
      (socket + ["--file", "/dev/null"], "neither a regular file nor a block device"),
      (file("disk") + ["--size", "8K"], "with 4096 bytes and not 8192; leave --size out"),
      (
        [
          "--file", scratch.path + "/disk", "--socket",
          "/tmp/" + String(repeating: "s", count: 103),
        ],
        "at most 107 bytes"
      ),
      (
        ["--file", scratch.path + "/disk", "--socket", scratch.path + "/no/s"],
        "its directory must exist"
      ),
      (
        ["--file", scratch.path + "/disk", "--socket", scratch.path + "/empty"],
        "is not a socket; choose another path"
      ),
      (["--file", scratch.path + "/disk", "--fd", "77"], "--fd 77: not an open socket"),
    ]
    for (arguments, said) in cases {
      let (status, text) = try refusal(arguments)
      #expect(status == 3, "\(arguments): \(text)")
      #expect(text.contains(said), "\(text)")
      #expect(text.hasPrefix("ktstr: ") && text.filter { $0 == "\n" }.count == 1, "\(text)")
    }
  }

  @Test func `a wrong command line is refused`() throws {
    let cases = [
      [], ["--file", "f"], ["--socket", "s"], ["--file", "f", "--socket", "s", "--fd", "3"],
      ["--file", "f", "--socket", "s", "--queues", "0"],
      ["--file", "f", "--socket", "s", "--queue-size", "100"],
      ["--file", "f", "--socket", "s", "--iops", "0"],
      ["--file", "f", "--socket", "s", "--bandwidth", "fast"],
      ["--file", "f", "--socket", "s", "--size", "-1"],
      ["--file", "f", "--socket", "s", "--engine", "turbo"],
      ["--file", "f", "--socket", "s", "--serial", "more than twenty bytes"],
    ]
    for arguments in cases { #expect(try refusal(arguments).status == 64, "\(arguments)") }
  }

  @Test func `it says what it can do, in the form of the specification`() throws {
    let process = try KtstrProcess(["blk", "--print-capabilities"])
    #expect(try process.finish(seconds: 10) == .exited(0))
    #expect(process.output == #"{"type": "block", "features": ["read-only", "blk-file"]}"# + "\n")
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a signal ends it in order, with a table of what there was`(signal: CInt) throws {
    let blk = try BlkProcess(["--serial", "a-serial", "--queues", "2"])
    let frontend = try blk.connect(queues: 2)
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    #expect(try frontend.configuration(count: 60)[0x22] == 2)
    let bytes = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 3) }
    for sector in 0..<10 as Range<UInt64> {
      try driver.setUsedEvent(driver.seenUsed)
      try driver.submit(writeRequest(sector, bytes))
      frontend.kick.signal()
      #expect(try frontend.awaitUsed(driver).count == 1)
    }
    try driver.setUsedEvent(driver.seenUsed)
    let name = try driver.submit([.readable(blockHeader(8, 0)), .writable(20), .writable(1)])
    frontend.kick.signal()
    _ = try frontend.awaitUsed(driver)
    #expect(try driver.output(name).starts(with: Array("a-serial".utf8) + [0]))
    #expect(try blk.end(signal) == .exited(0))
    #expect(blk.process.output.contains("writes         10, 5.0 KiB; us: mean"))
    #expect(blk.process.errors.contains("serving \(blk.file) (16.0 MiB) on \(blk.socket)"))
    #expect(try Files.status(of: blk.socket) == nil)
    #expect(
      try Files.read(blk.file, limit: 1 << 30).prefix(5120).elementsEqual(
        (0..<10).flatMap { _ in bytes }))
  }

  @Test func `--fd serves one frontend and ends with it`() throws {
    let scratch = Scratch()
    let file = try scratch.write(String(repeating: "y", count: 8192), to: "disk")
    var pair = try UnixSocket.pair()
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { return }
    // Its standard input is the socket.
    let process = try KtstrProcess(["blk", "--fd", "0", "--blk-file", file], input: theirs.raw)
    _ = consume theirs
    let frontend = try MockFrontend(socket: ours)
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    let request = try driver.submit(readRequest(0))
    frontend.kick.signal()
    _ = try frontend.awaitUsed(driver)
    #expect(try driver.output(request).prefix(512).allSatisfy { $0 == UInt8(ascii: "y") })
    frontend.hangUp()
    #expect(try process.finish(seconds: 10) == .exited(0))
    #expect(process.output.contains("reads"))
  }

  @Test func `--size makes the file, and is content with one that has it`() throws {
    let scratch = Scratch()
    let arguments = ["blk", "--socket", scratch.path + "/s", "--file", scratch.path + "/new"]
    for _ in 0..<2 {
      let process = try KtstrProcess(arguments + ["--size", "1M", "--quiet"])
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
      while (try? UnixSocket.connect(to: scratch.path + "/s")) == nil {
        try #require(MonotonicTime.now() < deadline)
        usleep(5000)
      }
      process.send(SIGTERM)
      #expect(try process.finish(seconds: 10) == .exited(0))
      #expect(process.output.isEmpty && process.errors.isEmpty)
      #expect(try Files.status(of: scratch.path + "/new")?.size == 1 << 20)
    }
  }

  @Test func `a disk is not served twice, neither its file nor its socket`() throws {
    let blk = try BlkProcess()
    let (status, text) = try refusal(["--socket", blk.socket + "2", "--file", blk.file])
    #expect(status == 3 && text.contains("another ktstr serves this file"))
    let other = try blk.scratch.write(String(repeating: "x", count: 512), to: "other")
    let second = try refusal(["--socket", blk.socket, "--file", other])
    #expect(second.status == 3 && second.text.contains("another process is listening"))
    // The one that serves goes on.
    try blk.connect().settle()
    #expect(try blk.end() == .exited(0))
  }

  @Test func `a read-only disk can be read only`() throws {
    let blk = try BlkProcess(["--read-only"])
    let frontend = try blk.connect()
    let driver = try MockDriver(frontend.memory, size: 64)
    try frontend.bringUp(driver)
    let request = try driver.submit(writeRequest(0, [UInt8](repeating: 1, count: 512)))
    frontend.kick.signal()
    _ = try frontend.awaitUsed(driver)
    #expect(try driver.output(request) == [1])
    #expect(try blk.end() == .exited(0))
    #expect(try Files.read(blk.file, limit: 1 << 30).allSatisfy { $0 == 0 })
  }

  @Test func `--iops holds requests back, and says so`() throws {
    let blk = try BlkProcess(["--iops", "200"])
    let frontend = try blk.connect()
    let load = try BlockLoad(frontend)
    try frontend.handshake()
    try frontend.setFeatures(BlockLoad.features)
    try frontend.setMemoryTable()
    try load.start()
    let result = try load.run(
      .init(writes: false, isSequential: false, blockSize: 4096, depth: 4), diskBytes: 16 << 20,
      nanoseconds: 2_000_000_000, seed: 1)
    // A full bucket, and two seconds' worth.
    #expect((400...800).contains(result.operations), "\(result.operations)")
    #expect(try blk.end() == .exited(0))
    #expect(blk.process.output.contains("throttled"))
  }

  @Test(arguments: ["sync", "io_uring"])
  func `each engine serves several queues`(engine: String) throws {
    let blk = try BlkProcess(["--engine", engine, "--queues", "3"])
    let frontend = try blk.connect(queues: 3, memory: 3 * BlockLoad.memoryPerRing + (2 << 20))
    try frontend.handshake()
    try frontend.setFeatures(BlockLoad.features)
    try frontend.setMemoryTable()
    for ring in 0..<3 {
      let load = try BlockLoad(frontend, ring: ring)
      try load.start()
      for writes in [true, false] {
        let result = try load.run(
          .init(writes: writes, isSequential: false, blockSize: 65_536, depth: 16),
          diskBytes: 16 << 20, nanoseconds: 100_000_000, seed: UInt64(ring))
        #expect(result.operations > 16 && result.failures == 0)
      }
    }
    #expect(try blk.end() == .exited(0))
  }

  @Test func `on a terminal there is a live line, and it is gone at the end`() throws {
    let terminal = try Terminal()
    let scratch = Scratch()
    let file = try scratch.write(String(repeating: "y", count: 8192), to: "disk")
    var request = ProcessRequest(
      path: KtstrProcess.binary,
      arguments: ["blk", "--socket", scratch.path + "/s", "--file", file],
      environment: ["TERM=xterm"])
    request.descriptors = [.init(terminal.program.raw, to: 1), .init(terminal.program.raw, to: 2)]
    request.parentDeathSignal = 0
    var child = try ChildProcess(spawning: request)
    #expect(try terminal.awaitScreen("no frontend  0/s", seconds: 10))
    child.signal(SIGTERM)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    #expect(try child.wait(until: deadline) == .exited(0))
    #expect(try terminal.awaitScreen("interrupts", seconds: 10))
  }
}
