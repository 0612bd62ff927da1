import GuestMemory
import HostOS
package import Virtio

// What frontends send to get a device going, each part as a step of its own.
extension MockFrontend {
  /// A region as messages describe it.
  package static func region(
    guest: UInt64 = 0, size: UInt64 = defaultMemorySize, user: UInt64 = userBase,
    offset: UInt64 = 0
  ) -> [UInt8] {
    littleEndian(guest) + littleEndian(size) + littleEndian(user) + littleEndian(offset)
  }

  /// Two numbers, most often a ring and a value.
  package func pair(_ index: UInt32, _ value: UInt32) -> [UInt8] {
    littleEndian(index) + littleEndian(value)
  }

  /// The addresses of a ring, as SET_VRING_ADDR has them.
  package func addresses(
    _ driver: MockDriver, ring: UInt32 = 0, flags: UInt32 = 0, log: UInt64? = nil
  ) -> [UInt8] {
    func user(_ address: GuestAddress) -> [UInt8] {
      littleEndian(Self.userBase + address.rawValue)
    }
    return pair(ring, flags) + user(driver.descriptorTable) + user(driver.usedRing)
      + user(driver.availableRing) + littleEndian(log ?? driver.usedRing.rawValue)
  }

  /// Takes everything of the protocol that the backend offers, within a mask.
  package func handshake(_ mask: UInt64 = .max) throws {
    let offered = try ask(1).value
    guard offered & Self.protocolFeaturesBit != 0 else {
      throw Failure(description: "no protocol features")
    }
    protocolFeatures = try ask(15).value & mask
    try send(16, littleEndian(protocolFeatures))
    try send(3)
  }

  /// Takes the features given, or all that the device offers but the log.
  package func setFeatures(_ features: VirtioFeatures? = nil) throws {
    let bits = try features?.rawValue ?? (ask(1).value & ~Self.logAllBit)
    self.features = bits | Self.protocolFeaturesBit
    try send(2, littleEndian(self.features))
  }

  /// Shares the guest's memory as one region.
  package func shareMemory() throws {
    guard
      try agreed(
        37, littleEndian(UInt64(0)) + Self.region(size: memorySize),
        descriptors: [file.descriptor.raw])
    else { throw Failure(description: "memory refused") }
  }

  /// Shares the guest's memory by the older message.
  package func setMemoryTable() throws {
    try insist(
      5, littleEndian(UInt32(1)) + littleEndian(UInt32(0)) + Self.region(size: memorySize),
      descriptors: [file.descriptor.raw])
  }

  /// Everything about a ring but its enabling.
  package func setUpRing(_ driver: MockDriver, ring: UInt32 = 0, base: UInt32 = 0) throws {
    let events = events[Int(ring)]
    let index = littleEndian(UInt64(ring))
    try send(13, index, descriptors: [events.call.raw])
    try send(14, index, descriptors: [events.error.raw])
    try send(8, pair(ring, UInt32(driver.size)))
    try send(10, pair(ring, base))
    try send(9, addresses(driver, ring: ring))
    try send(12, index, descriptors: [events.kick.raw])
  }

  /// Enables or disables a ring.
  package func enable(_ enabled: Bool = true, ring: UInt32 = 0) throws {
    try send(18, pair(ring, enabled ? 1 : 0))
  }

  /// Everything up to a running ring.
  package func bringUp(_ driver: MockDriver, _ features: VirtioFeatures? = nil) throws {
    try handshake()
    try setFeatures(features)
    try shareMemory()
    try setUpRing(driver)
    try enable()
  }

  /// Asks for `count` bytes of the configuration space.
  package func configuration(at offset: UInt32 = 0, count: UInt32) throws -> [UInt8] {
    let reply = try ask(
      24,
      littleEndian(offset) + littleEndian(count) + littleEndian(UInt32(0))
        + [UInt8](repeating: 0, count: Int(count)))
    return Array(reply.payload.dropFirst(12))
  }

  /// Stops a ring; the index of the next chain.
  package func stopRing(_ ring: UInt32 = 0) throws -> UInt32 {
    UInt32(truncatingIfNeeded: try ask(11, pair(ring, 0)).value >> 32)
  }
}
