import DriverMock
import Glibc
import HostOS
import SystemPackage
import Testing

/// A `ktstr blk` on a file and a socket of its own.
final class BlkProcess {
  let scratch = Scratch()
  let file: String
  let socket: String
  private(set) var process: KtstrProcess

  /// Makes the file, all zeroes, and starts to serve it.
  init(bytes: Int64 = 16 << 20, _ options: [String] = []) throws {
    file = scratch.path + "/disk"
    socket = scratch.path + "/s"
    let made = try Files.open(file, O_RDWR | O_CREAT)
    let raw = made.raw
    try systemCall("ftruncate") { ftruncate(raw, off_t(bytes)) }
    process = try KtstrProcess(["blk", "--socket", socket, "--file", file] + options)
    try awaitSocket()
  }

  /// Starts another one in place of one that is gone.
  func start(_ options: [String] = []) throws {
    process = try KtstrProcess(["blk", "--socket", socket, "--file", file] + options)
    try awaitSocket()
  }

  /// Connects, with `queues` rings.
  func connect(queues: Int = 1, memory: UInt64 = 8 << 20) throws -> MockFrontend {
    try MockFrontend(connectingTo: socket, queueCount: queues, memorySize: memory)
  }

  /// Ends it by a signal; its output is complete then.
  func end(_ signal: CInt = SIGTERM) throws -> HostOS.ExitStatus? {
    process.send(signal)
    return try process.finish(seconds: 10)
  }

  private func awaitSocket() throws {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    while true {
      if (try? UnixSocket.connect(to: socket)) != nil { return }
      guard MonotonicTime.now() < deadline else {
        _ = try? process.finish(seconds: 0)
        throw MockFrontend.Failure(description: "not listening after 10 s: \(process.errors)")
      }
      usleep(5000)
    }
  }
}
