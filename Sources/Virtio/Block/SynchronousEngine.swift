import Glibc
import HostOS

/// Carries out operations at once: system calls, or copies for a disk in memory.
struct SynchronousEngine: BlockEngine, ~Copyable {
  // Keeps the others good.
  private let backing: BlockBacking
  private let memory: MemoryDiskView?
  private let descriptor: CInt

  init(_ backing: BlockBacking) {
    self.backing = backing
    memory = backing.memory?.view
    descriptor = backing.rawDescriptor
  }

  static var isSynchronous: Bool { true }

  mutating func start(
    _ operation: BlockOperation, _ buffers: borrowing IOVecList, token: Int
  ) -> Int? {
    // Disks are shorter than 2^63 bytes, since files are.
    let place = off_t(truncatingIfNeeded: operation.position)
    if let memory {
      switch operation.action {
      case .read: return memory.read(into: buffers, at: operation.position)
      case .write, .writeStable: return memory.write(from: buffers, at: operation.position)
      case .synchronize: return 0
      case .zeroRange: return memory.zero(at: operation.position, count: operation.count)
      case .punchHole: break
      }
    }
    switch operation.action {
    case .read:
      return unsafe VectoredIO.read(
        descriptor, buffers.unsafeStart, count: buffers.count, at: place)
    case .write, .writeStable:
      return unsafe VectoredIO.write(
        descriptor, buffers.unsafeStart, count: buffers.count, at: place,
        stable: operation.action == .writeStable)
    case .synchronize:
      return VectoredIO.synchronizeData(descriptor)
    case .punchHole, .zeroRange:
      return VectoredIO.clear(
        descriptor, at: place, count: off_t(clamping: operation.count),
        operation.action == .punchHole ? .punchHole : .zeroRange)
    }
  }

  mutating func submit() -> Bool { true }
  var hasUnsubmitted: Bool { false }
  mutating func next() -> BlockCompletion? { nil }
  mutating func announce(_ enabled: Bool) {}
  func drainEvent() {}
  func wait(until deadline: MonotonicTime) -> Bool { false }
}
