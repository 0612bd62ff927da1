import GuestMemory
import HostOS
import Virtio

extension Session {
  /// Hands a ring to the device, unless the device has it.
  func activate(_ index: Int) throws(VhostUserError) {
    let ring = rings[index]
    guard !ring.isActive else { return }
    guard let map = memory.map else { throw .noMemory }
    let configuration = try ring.configuration(
      index, maximumSize: device.maximumQueueSize, memory)
    do throws(QueueError) {
      let queue = try SplitQueue(
        configuration, in: map, features: features, nextAvailable: ring.nextAvailable)
      device.startQueue(index, queue)
      ring.isActive = true
    } catch {
      throw .ring(error)
    }
  }

  /// Takes a ring back from the device, keeping its place; it is handed over again at its next turn,
  /// with whatever memory, addresses and features hold then.
  func deactivate(_ index: Int) {
    let ring = rings[index]
    guard ring.isActive else { return }
    ring.isActive = false
    ring.hasWork = true
    if let position = device.stopQueue(index) { ring.nextAvailable = position.nextAvailable }
  }

  /// Stops a ring: it lets go of its descriptors and keeps its place.
  func stopRing(_ index: Int) {
    let ring = rings[index]
    deactivate(index)
    dropKick(ring)
    ring.call = nil
    ring.isStarted = false
    ring.hasWork = false
    ring.wasKicked = false
    ring.isPolled = false
    ring.isBroken = false
  }

  /// Brings device and rings to the state before the driver came; memory and counters stay.
  func resetDevice() {
    for index in rings.indices {
      deactivate(index)
      let ring = rings[index]
      ring.isEnabled = false
      ring.isStarted = false
      ring.hasWork = false
      ring.isBroken = false
      ring.nextAvailable = 0
    }
    device.reset()
    features = []
    status = 0
  }

  /// Takes the new kick descriptor of a ring, or none for one that is to be polled.
  func setKick(_ index: Int, _ descriptor: consuming OwnedDescriptor?) throws(VhostUserError) {
    let ring = rings[index]
    dropKick(ring)
    guard let descriptor else {
      ring.isPolled = true
      ring.isStarted = true
      return
    }
    ring.isPolled = false
    try Ring.makeNonBlocking(descriptor)
    do throws(SystemCallError) {
      try epoll.add(descriptor.raw, token: Self.firstKickToken + UInt64(index))
    } catch {
      throw .system(error)
    }
    ring.kick = consume descriptor
  }

  private func dropKick(_ ring: Ring) {
    guard let raw = ring.kick?.raw else { return }
    // It may have been taken out when its other end closed.
    try? epoll.remove(raw)
    ring.kick = nil
  }
}
