import DriverMock
import Glibc
import GuestMemory
import HostOS
import Virtio

/// Nanoseconds of one block request through the whole device, driver included, on one thread.
///
/// Arguments: a file to use in place of memory, `--direct` to open it past the page cache, `--ring`
/// for io_uring.
func runBlockSpeed(arguments: [String]) -> Int32 {
  let path = arguments.first { !$0.hasPrefix("-") }
  let isDirect = arguments.contains("--direct")
  let engine: BlockEngineChoice = arguments.contains("--ring") ? .ioUring : .synchronous
  do {
    for (name, type, count) in [
      ("read", 0, 4096), ("write", 1, 4096), ("flush", 4, 0), ("read", 0, 131_072),
    ] as [(String, UInt32, Int)] {
      for depth in [1, 32] {
        let backing: BlockBacking
        if let path {
          // O_DIRECT hides behind _GNU_SOURCE.
          let file = try Files.open(path, O_RDWR | (isDirect ? 0o40000 : 0))
          backing = try BlockBacking(file: file)
        } else {
          backing = try BlockBacking(memory: 64 << 20)
        }
        var options = BlockOptions()
        options.engine = engine
        let device = BlockDevice(backing: backing, options: options)
        let bench = try BlockSpeed(device, type: type, bytes: count, depth: depth)
        print("block \(name) \(count) depth \(depth): \(Int(try bench.measure())) ns")
      }
    }
    return 0
  } catch {
    print("\(error)")
    return 1
  }
}

/// Requests of one kind that stay laid out and are offered again and again.
private final class BlockSpeed {
  private let device: BlockDevice
  private let driver: MockDriver
  private var heads: [UInt16] = []

  init(_ device: BlockDevice, type: UInt32, bytes: Int, depth: Int) throws {
    self.device = device
    let features = device.offeredFeatures
    _ = device.acceptFeatures(features)
    driver = try MockDriver(try makeMemory(0x100_0000), size: 256, dataSize: 0xe0_0000)
    device.startQueue(0, try driver.makeQueue(features))
    for slot in 0..<depth {
      let sector = UInt64(slot * max(1, bytes / 512))
      let header = littleEndian(type) + littleEndian(UInt32(0)) + littleEndian(sector)
      let data: [MockDriver.Segment] =
        switch type {
        case 0: [.writable(bytes + 4096)]
        case 1: [.readable([UInt8](repeating: 7, count: bytes + 4096))]
        default: []
        }
      let request = try driver.place([.readable(header)] + data + [.writable(1)])
      if bytes > 0 { try align(request, type: type, bytes: bytes) }
      heads.append(request.head)
    }
  }

  /// Puts the data on pages, as a driver does.
  private func align(_ request: MockDriver.Request, type: UInt32, bytes: Int) throws {
    let slot = request.descriptors[1]
    let place = GuestAddress(driver.descriptorTable.rawValue + 16 * UInt64(slot))
    let start = (try driver.memory.loadUInt64(at: place) + 0xfff) & ~0xfff
    try driver.setDescriptor(
      slot, start, UInt32(bytes),
      MockDriver.hasNext | (type == 0 ? MockDriver.deviceWritable : 0), request.descriptors[2])
  }

  /// The best of several rounds, in nanoseconds for each request.
  func measure() throws -> Double {
    var best = Double.infinity
    let end = MonotonicTime.now().advanced(byNanoseconds: 1_000_000_000)
    for _ in 0..<7 {
      let rounds = max(1, 40_000 / heads.count)
      var done = 0
      let start = MonotonicTime.now()
      while done < rounds {
        try once()
        done += 1
        if done % 64 == 0 && MonotonicTime.now() > end { break }
      }
      let spent = MonotonicTime.now().nanoseconds(since: start)
      best = min(best, Double(spent) / Double(done * heads.count))
      if MonotonicTime.now() > end { break }
    }
    return best
  }

  private func once() throws {
    for head in heads { try driver.offer(head) }
    var answered = 0
    var cause = ServiceCause.notification
    while answered < heads.count {
      let outcome = device.service(queue: 0, cause: cause)
      answered += try driver.collect().count
      cause = .continuation
      if !outcome.more, answered < heads.count, let wake = device.wakeDescriptor(ofQueue: 0) {
        _ = try Poll.wait(readable: wake, timeoutNanoseconds: 1_000_000_000)
        cause = .wake
      }
    }
  }
}
