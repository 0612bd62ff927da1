import Glibc
import Harness
import HostOS
import SystemPackage
import VhostUser
import Virtio

/// Serves the disk, draws, and ends in order.
struct BlkService {
  private let command: BlkCommand
  private let console = Console()

  init(_ command: BlkCommand) {
    self.command = command
  }

  func run() throws {
    let path = command.file ?? ""
    let file = try BlkFile.open(
      BlkFile.Wish(
        path: path, size: command.size?.bytes, isReadOnly: command.readOnly,
        isDirect: command.direct))
    // Before any other thread is there, so that all of them have it blocked.
    let signals = try SignalDescriptor(
      catching: [SIGINT, SIGTERM, SIGHUP].filter { !SignalDescriptor.isIgnored($0) })
    let device = try makeDevice(file)
    var options = VhostUserOptions()
    options.busyPollNanoseconds = UInt64(command.poll) * 1000
    if let fd = command.fd {
      try serve(device, connected: fd, options, signals)
    } else {
      try serve(device, listeningOn: command.socket ?? "", options, signals)
    }
  }

  private func makeDevice(_ file: consuming OwnedDescriptor) throws -> BlockDevice {
    var options = BlockOptions()
    options.identity = command.serial
    options.queueCount = command.queues
    options.maximumQueueSize = UInt16(command.queueSize)
    options.blockSize = command.blockSize
    options.physicalBlockSize = max(4096, command.blockSize)
    switch command.engine {
    case .auto: options.engine = .automatic
    case .sync: options.engine = .synchronous
    case .ioUring: options.engine = .ioUring
    }
    if command.iops != nil || command.bandwidth != nil {
      options.throttle = ThrottleLimits(
        bandwidth: command.bandwidth.flatMap { TokenBucket.Limit(perSecond: $0.bytes) },
        operations: command.iops.flatMap(TokenBucket.Limit.init(perSecond:)))
    }
    let device = BlockDevice(
      backing: try BlockBacking(file: file, readOnly: command.readOnly), options: options)
    if let refusal = device.engineRefusal, !command.quiet {
      console.error("ktstr: no io_uring here (\(refusal)); using system calls")
    }
    return device
  }

  private func serve(
    _ device: BlockDevice, listeningOn path: String, _ options: VhostUserOptions,
    _ signals: borrowing SignalDescriptor
  ) throws {
    let display = BlkDisplay(device, title: path, isQuiet: command.quiet)
    let server = try VhostUserServer(
      device: device, listening: try listen(path), options: options
    ) { display.take($0) }
    try server.start()
    display.begin(command.file ?? "", counters: { server.counters })
    try wait(signals, others: [], display)
    let isDone = server.stop()
    display.end()
    guard isDone else {
      throw CommandFailure("a request did not end in time; its answer is lost", .harnessFailed)
    }
  }

  private func listen(_ path: String) throws -> ListeningSocket {
    do {
      return try ListeningSocket(path: path)
    } catch {
      let remedy =
        switch error {
        case .inUse: "; stop it, or choose another path"
        case .notASocket: "; choose another path"
        case .pathTooLong: "; choose a shorter one, or a relative one"
        case .directoryBusy: "; try again"
        case .system(let failure) where failure.errno == .noSuchFileOrDirectory:
          "; its directory must exist"
        case .system: ""
        }
      throw CommandFailure("\(error)\(remedy)", .harnessFailed)
    }
  }

  private func serve(
    _ device: BlockDevice, connected fd: CInt, _ options: VhostUserOptions,
    _ signals: borrowing SignalDescriptor
  ) throws {
    var status = stat()
    guard unsafe fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      throw CommandFailure("--fd \(fd): not an open socket", .harnessFailed)
    }
    let display = BlkDisplay(device, title: "fd \(fd)", isQuiet: command.quiet)
    let backend = try VhostUserBackend(
      device: device, socket: OwnedDescriptor(owning: fd), options: options)
    try backend.start()
    display.begin(command.file ?? "", counters: { backend.counters })
    try wait(signals, others: [backend.finishedDescriptor], display)
    let isDone = backend.stop()
    display.end()
    guard isDone else {
      throw CommandFailure("a request did not end in time; its answer is lost", .harnessFailed)
    }
    switch backend.end {
    case .protocolError(let error):
      throw CommandFailure("the frontend broke the protocol: \(error)", .harnessFailed)
    case .systemError(let error): throw error
    case nil, .stopped, .peerClosed: break
    }
  }

  /// Draws until a signal comes or one of the descriptors is readable.
  private func wait(
    _ signals: borrowing SignalDescriptor, others: [CInt], _ display: BlkDisplay
  ) throws {
    while true {
      let ready = try Poll.wait(
        readable: [signals.raw] + others, timeoutNanoseconds: display.intervalNanoseconds)
      if ready.dropFirst().contains(where: { !$0.isEmpty }) { return }
      if signals.next() != nil { return }
      display.draw()
    }
  }
}
