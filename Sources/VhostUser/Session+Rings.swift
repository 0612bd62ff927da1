import GuestMemory
import HostOS
import Virtio

extension Session {
  /// Hands a ring to the device, unless the device has it.
  func activate(_ index: Int) throws(VhostUserError) {
    let ring = rings[index]
    guard !ring.isActive else { return }
    guard let map = workingMap else { throw .noMemory }
    let configuration = try ring.configuration(
      index, maximumSize: device.maximumQueueSize, memory)
    let record = try inflight?.record(ofQueue: index)
    do throws(QueueError) {
      let queue = try SplitQueue(
        configuration, in: map, features: features, nextAvailable: ring.nextAvailable,
        inflight: record)
      device.startQueue(index, queue)
      ring.isActive = true
      ring.usedRing = configuration.usedRing
    } catch {
      throw .ring(error)
    }
    guard let wake = device.wakeDescriptor(ofQueue: index) else { return }
    // Without it the device would be asleep for ever, so that is as bad as a bad ring.
    do throws(SystemCallError) {
      try epoll.add(wake, token: wakeToken(index))
    } catch {
      deactivate(index)
      throw .system(error)
    }
  }

  /// Takes a ring back from the device once what it has in flight is done, keeping its place; it is
  /// handed over again at its next turn, with whatever memory, addresses and features hold then.
  func deactivate(_ index: Int) {
    let ring = rings[index]
    guard ring.isActive else { return }
    if let wake = device.wakeDescriptor(ofQueue: index) { try? epoll.remove(wake) }
    if let position = device.stopQueue(index) {
      ring.nextAvailable = position.nextAvailable
      noteLogged(index)
      // What was answered on the way out is told, since no turn will.
      if position.wantsInterrupt { signalCall(index) }
    }
    ring.isActive = false
    ring.hasWork = true
    ring.wasWoken = false
    ring.usedRing = nil
  }

  private func wakeToken(_ index: Int) -> UInt64 {
    Token.firstKick + UInt64(rings.count + index)
  }

  /// Stops a ring: it lets go of its descriptors and keeps its place.
  func stopRing(_ index: Int) {
    let ring = rings[index]
    deactivate(index)
    dropKick(ring)
    ring.call = nil
    ring.callMode = .unset
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
    inflight?.clear()
    features = []
    wantsLog = false
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
    // Of a counter every kick is news, read or not: one call less for each.
    ring.kickIsCounter = Ring.isEventCounter(descriptor.raw)
    do throws(SystemCallError) {
      try epoll.add(
        descriptor.raw, token: Token.firstKick + UInt64(index),
        interest: ring.kickIsCounter ? [.readable, .edgeTriggered] : .readable)
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
