import Glibc
import HostOS
import SystemPackage
import Virtio

extension DiskRequest {
  /// Makes the device with its backing, whatever transport it will have.
  ///
  /// - Throws: ``SystemCallError`` when the backing cannot be made.
  func makeDevice() throws(SystemCallError) -> BlockDevice {
    var options = BlockOptions()
    options.identity = serial
    // A machine's description may come from an edited file.
    options.queueCount = min(max(1, queues), 64)
    let limits = ThrottleLimits(
      bandwidth: bytesPerSecond.flatMap { TokenBucket.Limit(perSecond: $0) },
      operations: operationsPerSecond.flatMap { TokenBucket.Limit(perSecond: $0) })
    if limits.bandwidth != nil || limits.operations != nil { options.throttle = limits }
    return BlockDevice(backing: try backing(), options: options)
  }

  private func backing() throws(SystemCallError) -> BlockBacking {
    let faults =
      faults.isEmpty
      ? nil : FaultPlan(rules: faults.flatMap(\.rules), seed: seed)
    guard let path = keptAt else {
      return try BlockBacking(memory: bytes, faults: faults)
    }
    let file = try Files.open(path, O_RDWR | O_CREAT | O_EXCL)
    let raw = file.raw
    guard let length = off_t(exactly: bytes) else {
      throw SystemCallError("ftruncate", .fileTooLarge, subject: path)
    }
    try systemCall("ftruncate", on: path) { ftruncate(raw, length) }
    return try BlockBacking(file: file, faults: faults)
  }
}

extension DiskRequest.Fault {
  /// The rules that make up this fault, one for each operation that it can hit.
  fileprivate var rules: [FaultPlan.Rule] {
    let operations: [FaultPlan.Operation] =
      switch operation {
      case .read: [.read]
      case .write: [.write]
      case .flush: [.flush]
      case .discard: [.discard]
      case .writeZeroes: [.writeZeroes]
      case .any: [.read, .write, .flush, .discard, .writeZeroes]
      }
    let consequence: FaultPlan.Effect =
      switch effect {
      case .error: .error
      case .corrupt: .corrupt
      case .short: .short
      case .delay(let nanoseconds): .delay(nanoseconds: nanoseconds)
      }
    return operations.map {
      FaultPlan.Rule($0, consequence, probability: probability, range: range)
    }
  }
}
