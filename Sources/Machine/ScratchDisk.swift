import Glibc
import HostOS
import SystemPackage
import VhostUser
import Virtio

/// The scratch disk: its backing, our block device, and the thread that serves it.
final class ScratchDisk {
  private let device: BlockDevice
  private let backend: VhostUserBackend

  /// Makes the disk and starts to serve it.
  ///
  /// - Throws: ``MachineError/disk(_:)``.
  init(_ request: DiskRequest, socket: consuming OwnedDescriptor) throws(MachineError) {
    do throws(SystemCallError) {
      let backing = try Self.backing(request)
      var options = BlockOptions()
      options.identity = request.serial
      // A machine's description may come from an edited file.
      options.queueCount = min(max(1, request.queues), 64)
      let limits = ThrottleLimits(
        bandwidth: request.bytesPerSecond.flatMap { TokenBucket.Limit(perSecond: $0) },
        operations: request.operationsPerSecond.flatMap { TokenBucket.Limit(perSecond: $0) })
      if limits.bandwidth != nil || limits.operations != nil { options.throttle = limits }
      device = BlockDevice(backing: backing, options: options)
      backend = try VhostUserBackend(device: device, socket: socket)
      try backend.start()
    } catch {
      throw .disk("\(error)")
    }
  }

  /// Everything counted so far.
  func counters() -> BlockCounters { device.counters() }

  /// Why the disk is served no more, or nil while all is well; QEMU's own end is no failure here.
  func failure() -> String? {
    switch backend.end {
    case nil, .peerClosed, .stopped: nil
    case .protocolError(let error): "QEMU broke the vhost-user protocol: \(error)"
    case .systemError(let error): "serving the scratch disk failed: \(error)"
    }
  }

  /// Ends the service.
  func stop(timeoutNanoseconds: UInt64) {
    backend.stop(timeoutNanoseconds: timeoutNanoseconds)
  }

  private static func backing(_ request: DiskRequest) throws(SystemCallError) -> BlockBacking {
    let faults =
      request.faults.isEmpty
      ? nil : FaultPlan(rules: request.faults.flatMap(\.rules), seed: request.seed)
    guard let path = request.keptAt else {
      return try BlockBacking(memory: request.bytes, faults: faults)
    }
    let file = try Files.open(path, O_RDWR | O_CREAT | O_EXCL)
    let raw = file.raw
    guard let length = off_t(exactly: request.bytes) else {
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
