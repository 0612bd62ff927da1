import GuestMemory
import HostOS
import Virtio

extension Session {
  /// The memory that rings work on: logged where that is wanted.
  var workingMap: GuestMemoryMap? {
    guard wantsLog, let log else { return memory.map }
    return memory.map?.tracking(log)
  }

  /// Takes the log of dirty pages (VHOST_USER_SET_LOG_BASE).
  func setLog(
    _ payload: inout PayloadReader, _ message: inout VhostUserMessage
  ) throws(VhostUserError) {
    let size = try payload.uint64()
    let offset = try payload.uint64()
    guard message.descriptors.count == 1, let descriptor = message.descriptors.take() else {
      throw .wrongDescriptorCount(request: message.request, count: message.descriptors.count)
    }
    do throws(GuestMemoryError) {
      log = try DirtyBitmap(sharing: descriptor.raw, fileOffset: offset, byteCount: size)
    } catch {
      throw .log(error)
    }
    rehandRings()
  }

  /// Takes back all rings, so that each goes on with the memory, features and log of now.
  func rehandRings() {
    for index in rings.indices { deactivate(index) }
  }

  /// Takes the descriptor by which the frontend hears of logged pages (VHOST_USER_SET_LOG_FD).
  func setLogEvent(_ message: inout VhostUserMessage) throws(VhostUserError) {
    guard message.descriptors.count <= 1 else {
      throw .wrongDescriptorCount(request: message.request, count: message.descriptors.count)
    }
    var descriptor = message.descriptors.take()
    if let given = descriptor.take() {
      try Ring.prepareEvent(given, for: message.request)
      descriptor = consume given
    }
    logEvent = descriptor.take()
  }

  /// Logs what the device's own marks do not cover, after a turn that did something: the used ring
  /// under the address that the frontend gave for it, where that is not the one it lies at.
  func noteLogged(_ index: Int) {
    guard wantsLog, let log, rings[index].isActive else { return }
    let ring = rings[index]
    if let address = ring.addresses?.log, let size = ring.size,
      let used = ring.usedRing, used.rawValue != address
    {
      log.mark(GuestAddress(address), count: 6 + 8 * Int(size))
    }
    if let raw = logEvent?.raw { EventFD.signal(raw) }
  }
}
