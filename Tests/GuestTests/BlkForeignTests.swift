import Foundation
import Glibc
import HostOS
import SystemPackage
import Testing

/// Frontends of other people's making; `.ci/fetch-clients` gets those that Debian 12 has not.
@Suite(.serialized) struct BlkForeignTests {
  private static let clients = KtstrProcess.root + "/.build/clients"
  private static let qemuIO = clients + "/bin/qemu-io"
  private static let ownUML = clients + "/bin/uml"
  private static let systemUML = "/usr/bin/linux.uml"

  private static func isThere(_ path: String) -> Bool { access(path, X_OK) == 0 }

  private func run(_ arguments: [String], seconds: UInt64) throws -> (
    status: HostOS.ExitStatus?, String
  ) {
    let process = try Program(arguments)
    let status = try process.finish(seconds: seconds)
    return (status, process.output)
  }

  /// A program with its output.
  private final class Program {
    private var child: ChildProcess
    private let pipe: OwnedDescriptor
    private(set) var output = ""

    init(_ arguments: [String]) throws {
      var ends: [CInt] = [-1, -1]
      try systemCall("pipe") { Glibc.pipe(&ends) }
      var request = ProcessRequest(path: arguments[0], arguments: Array(arguments.dropFirst()))
      request.descriptors = [.init(ends[1], to: 1), .init(ends[1], to: 2)]
      request.parentDeathSignal = 0
      child = try ChildProcess(spawning: request)
      close(ends[1])
      pipe = OwnedDescriptor(owning: ends[0])
    }

    func finish(seconds: UInt64) throws -> HostOS.ExitStatus? {
      let deadline = MonotonicTime.now().advanced(byNanoseconds: seconds * 1_000_000_000)
      while true {
        let left = deadline.nanoseconds(since: .now())
        guard left > 0 else {
          _ = try child.kill()
          return nil
        }
        guard try Poll.wait(readable: pipe.raw, timeoutNanoseconds: left) else { continue }
        let bytes = try DescriptorIO.readSome(pipe.raw, subject: "output")
        if bytes.isEmpty { return try child.wait(until: deadline) }
        output += String(decoding: bytes, as: UTF8.self)
      }
    }
  }

  @Test(.enabled(if: isThere(qemuIO)), arguments: [1, 4])
  func `QEMU's tools over libblkio write, read, discard and find their patterns`(queues: Int) throws
  {
    let blk = try BlkProcess(bytes: 64 << 20, ["--queues", "\(queues)"])
    var generator = SplitMix64(seed: UInt64(queues))
    print("qemu-io, seed \(queues)")
    // What each of 1,024 blocks of 64 KiB must hold.
    var blocks = [UInt8](repeating: 0, count: 1024)
    var commands: [String] = []
    for _ in 0..<400 {
      let start = Int(generator.next() % 1000)
      let count = Int(generator.next() % 24) + 1
      let place = "\(start * 64)k \(count * 64)k"
      switch generator.next() % 8 {
      case 0:
        commands.append("write -z \(place)")
        for index in start..<start + count { blocks[index] = 0 }
      case 1: commands.append("flush")
      case 2...4:
        let pattern = UInt8(truncatingIfNeeded: generator.next() | 1)
        commands.append("write -P \(pattern) \(place)")
        for index in start..<start + count { blocks[index] = pattern }
      default:
        commands.append("read -P \(blocks[start]) \(start * 64)k 64k")
      }
    }
    for index in blocks.indices { commands.append("read -P \(blocks[index]) \(index * 64)k 64k") }
    let image = "driver=virtio-blk-vhost-user,path=\(blk.socket),cache.direct=on"
    let (status, output) = try run(
      [Self.qemuIO, "--image-opts", image] + commands.flatMap { ["-c", $0] }, seconds: 60)
    #expect(status == .exited(0), "\(output.suffix(500))")
    #expect(!output.contains("verification failed") && !output.contains("rror"))
    #expect(try blk.end() == .exited(0))
    let content = try Files.read(blk.file, limit: 1 << 30)
    for (index, value) in blocks.enumerated() {
      #expect(content[index << 16..<(index + 1) << 16].allSatisfy { $0 == value }, "\(index)")
    }
  }

  @Test(.enabled(if: isThere(ownUML)))
  func `a user-mode Linux reads, writes and reads again, kicks and calls in band`() throws {
    let blk = try BlkProcess(bytes: 64 << 20, ["--serial", "umldisk"])
    let (_, output) = try run(
      [
        KtstrProcess.root + "/.ci/uml-verify", Self.ownUML, Self.clients + "/virtio_blk.ko",
        blk.socket, "30",
      ], seconds: 45)
    let lines = output.split(separator: "\n").map(String.init)
    func value(_ name: String) -> String? {
      let start: String = name + " "
      guard let line: String = lines.last(where: { $0.hasPrefix(start) }) else { return nil }
      return String(line.dropFirst(start.count))
    }
    #expect(lines.contains("done"), "\(output.suffix(800))")
    #expect(value("size") == "131072 serial umldisk")
    // The MD5 of 16 KiB of zeroes.
    #expect(value("first") == "ce338fe6899778aacfc28414f2d9498b")
    let wrote = try #require(value("wrote"))
    #expect(wrote.count == 32)
    #expect(wrote == value("read"))
    #expect(try blk.end() == .exited(0))
    let content = try Files.read(blk.file, limit: 1 << 30)
    #expect(content[1 << 20..<5 << 20].contains { $0 != 0 })
    #expect(content[5 << 20..<6 << 20].allSatisfy { $0 == 0 })
  }

  /// Debian 12's own cannot run programs on hosts with AVX-512, but it talks with the disk's server
  /// before that, and in another way than newer ones.
  @Test(.enabled(if: isThere(systemUML)))
  func `Debian 12's user-mode Linux gets as far as its first program`() throws {
    let blk = try BlkProcess()
    let (_, output) = try run(
      [KtstrProcess.root + "/.ci/uml-verify", Self.systemUML, "-", blk.socket, "20"], seconds: 30)
    #expect(output.contains("Run /init as init process"), "\(output.suffix(800))")
    #expect(try blk.end() == .exited(0))
    #expect(blk.process.output.contains("frontends      1\n"))
    #expect(!blk.process.errors.contains("broke the protocol"))
  }
}
