import DriverMock
import Glibc
import HostOS
import VhostUser
import Virtio

/// A frontend and the backend that it talks to, in one process.
final class FakeFrontend {
  typealias Failure = MockFrontend.Failure

  let device: BlockDevice
  let backend: VhostUserBackend
  let peer: MockFrontend

  init(
    device: BlockDevice? = nil, around: ((BlockDevice) throws -> any VirtioDevice)? = nil,
    options: VhostUserOptions = VhostUserOptions(), queueCount: Int = 1
  ) throws {
    let disk = try device ?? BlockDevice(backing: BlockBacking(memory: 1 << 20))
    self.device = disk
    var pair = try UnixSocket.pair()
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else {
      throw Failure(description: "no pair")
    }
    backend = try VhostUserBackend(
      device: try around?(disk) ?? disk, socket: theirs, options: options)
    peer = try MockFrontend(socket: ours, queueCount: queueCount)
    try backend.start()
  }

  deinit {
    backend.stop()
  }

  /// Waits for the end of the service.
  func end() throws -> VhostUserEnd? {
    guard try Poll.wait(readable: backend.finishedDescriptor, timeoutNanoseconds: 5_000_000_000)
    else { throw Failure(description: "still serving after 5 s") }
    return backend.end
  }

  /// Looks again and again until something holds.
  func wait(
    _ what: String, _ condition: () throws -> Bool
  ) throws {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 5_000_000_000)
    while try !condition() {
      guard MonotonicTime.now() < deadline else {
        throw Failure(description: "not in 5 s: \(what)")
      }
      usleep(200)
    }
  }
}
