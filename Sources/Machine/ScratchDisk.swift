import HostOS
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
      device = try request.makeDevice()
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
}
