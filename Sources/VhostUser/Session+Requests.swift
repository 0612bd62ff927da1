import GuestMemory
import HostOS
import Virtio

extension Session {
  /// Carries out one request; the payload of its reply, where it has one.
  func handle(_ message: inout VhostUserMessage) throws(VhostUserError) -> Reply? {
    guard let request = VhostUserRequest(rawValue: message.request) else {
      throw .unknownRequest(message.request)
    }
    if let needed = request.neededFeature, !protocolFeatures.contains(needed) {
      throw .notNegotiated(request: message.request)
    }
    if let size = request.payloadSize, message.payload.count != size {
      throw .wrongSize(request: message.request, size: message.payload.count)
    }
    var payload = PayloadReader(message)
    switch request {
    case .getFeatures: return Reply(offeredFeatureBits)
    case .setFeatures: try setFeatures(try payload.uint64())
    // Nothing is owned here, and spec and frontends agree that the second is best ignored.
    case .setOwner, .resetOwner: break
    case .getProtocolFeatures: return Reply(offeredProtocolFeatures.rawValue)
    case .setProtocolFeatures: try setProtocolFeatures(try payload.uint64())
    case .getQueueCount: return Reply(UInt64(rings.count))
    case .setMemoryTable, .addMemoryRegion, .removeMemoryRegion:
      try changeMemory(request, &message, &payload)
    case .getMemorySlots: return Reply(UInt64(VhostUserWire.maximumRegions))
    case .setLogBase:
      try setLog(&payload, &message)
      return Reply(0)
    case .setLogDescriptor: try setLogEvent(&message)
    case .setRingSize, .setRingAddress, .setRingBase, .setRingEnable:
      try changeRing(request, &payload)
    case .setRingKick, .setRingCall, .setRingError:
      try setDescriptor(request, try payload.uint64(), &message)
    case .ringKick: kicked(try ringIndex(UInt64(try payload.uint32())))
    case .getRingBase: return try stopAndReport(ring: try payload.uint32())
    case .setBackendDescriptor: try setBackendDescriptor(&message)
    case .getConfiguration: return try configuration(&payload)
    case .setConfiguration: try setConfiguration(&payload)
    case .getInflight: return try makeInflight(&payload, size: message.payload.count)
    case .setInflight: try setInflight(&payload, &message)
    case .resetDevice: resetDevice()
    case .setStatus:
      let new = try payload.uint64()
      if new == 0 { resetDevice() }
      status = new
    case .getStatus:
      return Reply(status | (device.needsReset ? VhostUserWire.statusNeedsReset : 0))
    }
    return nil
  }

  private var offeredFeatureBits: UInt64 {
    device.offeredFeatures.rawValue | VhostUserWire.protocolFeaturesBit
      | (offeredProtocolFeatures.contains(.logSharedMemory) ? VhostUserWire.logAllBit : 0)
  }

  private func setFeatures(_ bits: UInt64) throws(VhostUserError) {
    let hasProtocolFeatures = bits & VhostUserWire.protocolFeaturesBit != 0
    let newWantsLog = bits & VhostUserWire.logAllBit != 0
    let unknown = bits & ~offeredFeatureBits
    let own = VhostUserWire.protocolFeaturesBit | VhostUserWire.logAllBit
    let chosen = VirtioFeatures(rawValue: bits & ~own)
    guard unknown == 0, device.acceptFeatures(chosen) else { throw .featuresNotOffered(unknown) }
    if chosen != features || newWantsLog != wantsLog {
      features = chosen
      wantsLog = newWantsLog
      rehandRings()
    }
    // A frontend without protocol features cannot enable rings: they begin so.
    if !hasProtocolFeatures { for ring in rings { ring.isEnabled = true } }
  }

  private func setProtocolFeatures(_ bits: UInt64) throws(VhostUserError) {
    let chosen = VhostUserProtocolFeatures(rawValue: bits)
    guard chosen.isSubset(of: offeredProtocolFeatures) else {
      throw .featuresNotOffered(chosen.subtracting(offeredProtocolFeatures).rawValue)
    }
    protocolFeatures = chosen
  }

  private func setBackendDescriptor(_ message: inout VhostUserMessage) throws(VhostUserError) {
    guard message.descriptors.count == 1, let descriptor = message.descriptors.take() else {
      throw .wrongDescriptorCount(request: message.request, count: message.descriptors.count)
    }
    let fresh = try BackendChannel(descriptor)
    do throws(SystemCallError) {
      try epoll.add(fresh.descriptor.raw, token: Token.channel)
    } catch {
      throw .system(error)
    }
    loseChannel()
    channel = consume fresh
  }

  private func changeMemory(
    _ request: VhostUserRequest, _ message: inout VhostUserMessage, _ payload: inout PayloadReader
  ) throws(VhostUserError) {
    switch request {
    case .setMemoryTable:
      let count = try payload.uint32()
      _ = try payload.uint32()
      guard count <= UInt32(VhostUserWire.maximumRegions) else {
        throw .tooManyRegions(Int(count))
      }
      // Some frontends send room for more regions than they name: what is left over is ignored.
      var descriptions: [SharedMemory.Description] = []
      for _ in 0..<count { descriptions.append(try SharedMemory.Description(&payload)) }
      try memory.replace(descriptions, &message.descriptors)
    case .addMemoryRegion:
      _ = try payload.uint64()
      try memory.add(try SharedMemory.Description(&payload), &message.descriptors)
    default:
      _ = try payload.uint64()
      try memory.remove(try SharedMemory.Description(&payload))
    }
    // The old map is unmapped with its last user.
    rehandRings()
  }

  private func changeRing(
    _ request: VhostUserRequest, _ payload: inout PayloadReader
  ) throws(VhostUserError) {
    let index = try ringIndex(UInt64(try payload.uint32()))
    let value = try payload.uint32()
    let ring = rings[index]
    switch request {
    case .setRingSize:
      guard let size = UInt16(exactly: value), size.nonzeroBitCount == 1,
        size <= device.maximumQueueSize
      else { throw .ringValue(value) }
      deactivate(index)
      ring.size = size
    case .setRingBase:
      guard let base = UInt16(exactly: value) else { throw .ringValue(value) }
      deactivate(index)
      ring.nextAvailable = base
    case .setRingEnable:
      guard value <= 1 else { throw .ringValue(value) }
      ring.isEnabled = value == 1
      // What is in flight is answered before a disabled ring rests.
      if !ring.isEnabled { deactivate(index) }
      // A kick that came while the ring was disabled is not lost.
      if ring.isEnabled && ring.isStarted { ring.hasWork = true }
    default:
      let table = try payload.uint64()
      let used = try payload.uint64()
      let available = try payload.uint64()
      let log = try payload.uint64()
      deactivate(index)
      ring.addresses = Ring.UserAddresses(
        descriptorTable: table, usedRing: used, availableRing: available,
        log: value & VhostUserWire.ringLogFlag != 0 ? log : nil)
      ring.isBroken = false
    }
  }

  private func setDescriptor(
    _ request: VhostUserRequest, _ value: UInt64, _ message: inout VhostUserMessage
  ) throws(VhostUserError) {
    let index = try ringIndex(value & 0xff)
    let expected = value & VhostUserWire.noDescriptorBit == 0 ? 1 : 0
    guard message.descriptors.count == expected else {
      throw .wrongDescriptorCount(
        request: request.rawValue, count: message.descriptors.count)
    }
    var descriptor = message.descriptors.take()
    if let given = descriptor.take() {
      try Ring.prepareEvent(given, for: message.request)
      descriptor = consume given
    }
    let ring = rings[index]
    switch request {
    case .setRingKick: try setKick(index, descriptor.take())
    case .setRingCall:
      ring.callMode = expected == 0 ? .polling : .descriptor
      ring.call = descriptor.take()
    default: ring.error = descriptor.take()
    }
  }

  private func stopAndReport(ring number: UInt32) throws(VhostUserError) -> Reply {
    let index = try ringIndex(UInt64(number))
    stopRing(index)
    if device.needsReset && !rings.contains(where: \.isStarted) {
      // The last ring stopped: for a frontend without the status byte this is the reset.
      device.reset()
      _ = device.acceptFeatures(features)
    }
    var payload = PayloadWriter()
    payload.append(number)
    payload.append(UInt32(rings[index].nextAvailable))
    return Reply(payload.bytes)
  }

  private func configuration(_ payload: inout PayloadReader) throws(VhostUserError) -> Reply {
    let offset = try payload.uint32()
    let size = try payload.uint32()
    let flags = try payload.uint32()
    // An answer with no payload is the protocol's way to say no to this one.
    guard size <= UInt32(VhostUserWire.maximumConfiguration),
      offset <= UInt32(VhostUserWire.maximumConfiguration)
    else { return Reply([]) }
    var result = PayloadWriter()
    result.append(offset)
    result.append(size)
    result.append(flags)
    result.append(contentsOf: device.configuration(at: Int(offset), count: Int(size)))
    return Reply(result.bytes)
  }

  private func setConfiguration(_ payload: inout PayloadReader) throws(VhostUserError) {
    let offset = try payload.uint32()
    let size = try payload.uint32()
    _ = try payload.uint32()
    let bytes = Array(payload.rest)
    guard bytes.count == Int(size), size <= UInt32(VhostUserWire.maximumConfiguration),
      device.writeConfiguration(bytes, at: Int(offset))
    else { throw .configurationAccess(offset: offset, size: size) }
  }

  private func makeInflight(
    _ payload: inout PayloadReader, size: Int
  ) throws(VhostUserError) -> Reply {
    var description = try InflightRegion.Description(&payload)
    let file = try InflightRegion.makeFile(for: description, device: rings.count)
    description.size = description.neededSize
    description.offset = 0
    do throws(SystemCallError) {
      return Reply(
        description.payload(count: size), file: try file.descriptor.duplicate())
    } catch {
      throw .system(error)
    }
  }

  private func setInflight(
    _ payload: inout PayloadReader, _ message: inout VhostUserMessage
  ) throws(VhostUserError) {
    let description = try InflightRegion.Description(&payload)
    guard message.descriptors.count == 1, let descriptor = message.descriptors.take() else {
      throw .wrongDescriptorCount(request: message.request, count: message.descriptors.count)
    }
    let fresh = try InflightRegion(
      mapping: descriptor.raw, description, device: rings.count)
    rehandRings()
    inflight = fresh
  }

  private func ringIndex(_ number: UInt64) throws(VhostUserError) -> Int {
    guard number < UInt64(rings.count) else { throw .noSuchRing(number) }
    return Int(number)
  }
}
