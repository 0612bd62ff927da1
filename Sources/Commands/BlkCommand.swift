package import ArgumentParser
import Harness
import HostOS

/// `ktstr blk`: our disk for any VMM that speaks vhost-user.
package struct BlkCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "blk",
    abstract: "Serves a file as a disk to a VMM, over vhost-user.",
    discussion: """
      One frontend after the other is served until Ctrl-C or SIGTERM; what they did is counted all \
      along. docs/blk.md has command lines for QEMU and others.

      Exit status: 0 ended by Ctrl-C, SIGTERM or (with --fd) by the frontend; 3 the file or the \
      socket cannot be used, or serving failed; 64 the command line is wrong.
      """)

  @Option(
    name: [.customLong("socket"), .customLong("socket-path")],
    help: ArgumentHelp("Listen on this path.", valueName: "path"))
  var socket: String?

  @Option(
    help: ArgumentHelp("Serve the one frontend at this open, connected socket.", valueName: "n"))
  var fd: Int32?

  @Option(
    name: [.customLong("file"), .customLong("blk-file")],
    help: ArgumentHelp("The disk: a regular file or a block device.", valueName: "path"))
  var file: String?

  @Option(
    help: ArgumentHelp(
      "Make the file, with this size (512M, 10G, ...), unless it is there and has it.",
      valueName: "size"))
  var size: ByteSize?

  @Flag(help: "Refuse writes.")
  var readOnly = false

  @Option(help: ArgumentHelp("Requests a second at most.", valueName: "n"))
  var iops: UInt64?

  @Option(
    help: ArgumentHelp("Bytes a second at most (100M, 1G, ...).", valueName: "size"))
  var bandwidth: ByteSize?

  @Option(
    help: """
      Who moves the bytes: system calls (sync), io_uring, or what suits the file (auto: io_uring \
      with --direct).
      """)
  var engine: BlkEngine = .auto

  @Option(help: "Request queues.")
  var queues = 1

  @Option(help: "Largest size of each queue; a power of two.")
  var queueSize = 1024

  @Option(help: "What the guest reads as the disk's serial number: 20 bytes at most.")
  var serial = "ktstr"

  @Option(
    help: ArgumentHelp(
      "Look for requests this many microseconds before sleeping, at most; 0 sleeps at once.",
      valueName: "us"))
  var poll = 50

  @Option(
    help: ArgumentHelp("Logical block size that the guest is told.", valueName: "bytes"))
  var blockSize: UInt32 = 512

  @Flag(
    help: """
      Go past the page cache (O_DIRECT). The guest must then align its buffers, as Linux does, and \
      --block-size must be one that the host's disk takes.
      """)
  var direct = false

  @Flag(help: "Say nothing but errors.")
  var quiet = false

  @Flag(help: "Print what this backend can do, as JSON, and end.")
  var printCapabilities = false

  package init() {}

  package func validate() throws {
    guard !printCapabilities else { return }
    guard (socket == nil) != (fd == nil) else {
      throw ValidationError("one of --socket and --fd is needed, and not both")
    }
    guard file != nil else { throw ValidationError("--file is needed: the disk to serve") }
    if let fd, fd < 0 { throw ValidationError("--fd: an open descriptor, found \(fd)") }
    guard (1...256).contains(queues) else {
      throw ValidationError("--queues: from 1 to 256, found \(queues)")
    }
    guard (2...32_768).contains(queueSize), queueSize.nonzeroBitCount == 1 else {
      throw ValidationError("--queue-size: a power of two from 2 to 32768, found \(queueSize)")
    }
    guard iops != 0 else { throw ValidationError("--iops: at least 1") }
    guard bandwidth?.bytes != 0 else { throw ValidationError("--bandwidth: at least 1") }
    guard (512...65_536).contains(blockSize), blockSize.nonzeroBitCount == 1 else {
      throw ValidationError(
        "--block-size: a power of two from 512 to 65536, found \(blockSize)")
    }
    guard serial.utf8.count <= 20 else {
      throw ValidationError("--serial: 20 bytes at most, found \(serial.utf8.count)")
    }
    guard (0...1000).contains(poll) else {
      throw ValidationError("--poll: from 0 to 1000 microseconds, found \(poll)")
    }
  }

  package func run() throws {
    if printCapabilities {
      // The form that the vhost-user specification gives for programs of this kind.
      Console().out(#"{"type": "block", "features": ["read-only", "blk-file"]}"#)
      return
    }
    try reportingFailures {
      try BlkService(self).run()
    }
  }
}

/// A number of bytes on a command line: digits, and perhaps one of K, M, G, T for powers of 1024.
package struct ByteSize: ExpressibleByArgument, Hashable, Sendable {
  package let bytes: UInt64

  package init?(argument: String) {
    var digits = Substring(argument)
    for suffix in ["iB", "B"] where digits.hasSuffix(suffix) {
      digits.removeLast(suffix.count)
      break
    }
    var factor: UInt64 = 1
    if let last = digits.last,
      let power = Array("KMGT").firstIndex(of: Character(last.uppercased()))
    {
      factor = 1 << (10 * (UInt64(power) + 1))
      digits.removeLast()
    }
    guard let value = UInt64(digits), !digits.hasPrefix("+") else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    guard !overflow else { return nil }
    bytes = product
  }
}

/// Who moves the bytes of the disk, as the command line says it.
package enum BlkEngine: String, ExpressibleByArgument, CaseIterable, Sendable {
  case auto
  case sync
  case ioUring = "io_uring"
}
