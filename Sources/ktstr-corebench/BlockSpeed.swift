import DriverMock
import Glibc
import GuestMemory
import HostOS
import Virtio

/// Nanoseconds of one block request through the whole device, single-threaded: the driver's share
/// (re-offering chains that stay laid out) is measured too and told apart.
func runBlockSpeed(arguments: [String]) -> Int32 {
  do {
    let path = arguments.first { !$0.hasPrefix("-") }
    for depth in [1, 32] {
      for (name, type) in [("read", 0), ("write", 1), ("flush", 4)] as [(String, UInt32)] {
        let nanoseconds = try measureBlock(type: type, depth: depth, path: path)
        print("block \(name) 4096 depth \(depth): \(Int(nanoseconds)) ns")
      }
    }
    return 0
  } catch {
    print("\(error)")
    return 1
  }
}

private func measureBlock(type: UInt32, depth: Int, path: String?) throws -> Double {
  let backing: BlockBacking
  if let path {
    backing = try BlockBacking(file: try Files.open(path, O_RDWR))
  } else {
    backing = try BlockBacking(memory: 64 << 20)
  }
  let device = BlockDevice(backing: backing)
  let features = device.offeredFeatures
  _ = device.acceptFeatures(features)
  let driver = try MockDriver(try makeMemory(), size: 256)
  device.startQueue(0, try driver.makeQueue(features))
  var heads: [UInt16] = []
  for slot in 0..<depth {
    let header = littleEndian(type) + littleEndian(UInt32(0)) + littleEndian(UInt64(slot * 8))
    let data: [MockDriver.Segment] =
      switch type {
      case 0: [.writable(4096)]
      case 1: [.readable([UInt8](repeating: 7, count: 4096))]
      default: []
      }
    heads.append(try driver.place([.readable(header)] + data + [.writable(1)]).head)
  }
  var best = Double.infinity
  for _ in 0..<7 {
    let rounds = 40_000 / depth
    let start = MonotonicTime.now()
    for _ in 0..<rounds {
      for head in heads { try driver.offer(head) }
      var answered = 0
      while answered < depth {
        _ = device.service(queue: 0, cause: .notification)
        answered += try driver.collect().count
      }
    }
    let spent = MonotonicTime.now().nanoseconds(since: start)
    best = min(best, Double(spent) / Double(rounds * depth))
  }
  return best
}
