import Glibc
import GuestMemory
import HostOS
import Machine
import Virtio

/// A board like a machine's, with a console and a disk, but without vCPUs and device threads.
struct TestBoard {
  let board: Board
  let transports: [MMIOTransport]
  private let output: Output

  /// Takes what the guest says, and forgets it.
  private final class Output {
    let descriptor: OwnedDescriptor

    init() throws { descriptor = try Files.open("/dev/null", O_WRONLY) }
  }

  init() throws {
    output = try Output()
    let memory = try GuestMemoryMap([
      try GuestRegion(anonymousAt: GuestAddress(0), size: 1 << 20)
    ])
    // As KVMMachine makes them from a request of a disk of 1 MiB named "fuzz".
    var options = BlockOptions()
    options.identity = "fuzz"
    let devices: [any VirtioDevice] = [
      try ConsoleDevice([ConsolePortOptions(name: "ktstr")]),
      BlockDevice(backing: try BlockBacking(memory: 1 << 20), options: options),
    ]
    transports = try devices.map {
      try MMIOTransport($0, memory: memory, interruptLine: try EventInterruptLine())
    }
    let line = try EventInterruptLine()
    board = Board(
      serial: SerialPort(output: output.descriptor.raw, line: line), serialLine: line,
      windows: transports, windowsBase: RandomAccess.windows.lowerBound,
      windowSize: RandomAccess.windowSize, sleepPort: 0x600)
  }

  /// Makes an access whole; what was read, as far as it is wide, and what it meant.
  func perform(_ access: RandomAccess) -> (read: UInt64?, consequence: Board.Consequence) {
    let mask = UInt64.max >> UInt64(64 - 8 * access.size)
    switch (access.target, access.value) {
    case (.port(let port), nil):
      return (UInt64(board.read(port: port, byteCount: access.size)) & mask, .none)
    case (.port(let port), let value?):
      let value = UInt32(truncatingIfNeeded: value)
      return (nil, board.write(value, port: port, byteCount: access.size))
    case (.address(let address), nil):
      return (board.read(address: address, byteCount: access.size) & mask, .none)
    case (.address(let address), let value?):
      board.write(value, address: address, byteCount: access.size)
      return (nil, .none)
    }
  }

  /// Makes an access byte by byte, as far as it goes on.
  func performBytes(_ access: RandomAccess) -> (read: UInt64?, consequence: Board.Consequence) {
    var read: UInt64?
    for index in 0..<access.size {
      var single = access
      single.size = 1
      switch access.target {
      case .port(let port): single.target = .port(port &+ UInt16(index))
      case .address(let address): single.target = .address(address &+ UInt64(index))
      }
      single.value = access.value.map { $0 >> UInt64(8 * index) & 0xff }
      let result = perform(single)
      if let byte = result.read { read = (read ?? 0) | byte << UInt64(8 * index) }
      guard result.consequence == .none else { return (nil, result.consequence) }
    }
    return (read, .none)
  }

  /// All that one device has counted and where its driver is, to see whether anything reached it.
  func trace(of window: Int) -> [UInt64] {
    MMIOEvent.allCases.map { transports[window].counts[$0] }
      + [UInt64(transports[window].status.rawValue)]
  }
}
