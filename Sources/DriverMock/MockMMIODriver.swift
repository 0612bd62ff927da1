import GuestMemory
import HostOS
package import Virtio

/// A driver of virtio-mmio devices, in the order of steps that Linux takes.
package final class MockMMIODriver {
  /// Why a probe ends.
  package enum Refusal: Error, Equatable {
    case notVirtio(UInt32)
    case wrongVersion(UInt32)
    /// Device id zero: a place without a device.
    case noDevice
    /// The device does not offer `VIRTIO_F_VERSION_1`.
    case legacyOnly
    /// FEATURES_OK did not stay.
    case featuresRefused
    case noSuchQueue(Int)
    case queueInUse(Int)
    /// QueueReady did not stay, or did not go.
    case queueRefused(Int)
    /// The configuration changed at each of many tries to read it.
    case restless
  }

  package let transport: MMIOTransport
  package private(set) var queues: [Int: MockDriver] = [:]
  private let base: UInt64
  private var nextBase: UInt64

  /// Drives a transport; rings and buffers lie from `base` on.
  package init(_ transport: MMIOTransport, base: UInt64 = 0x1000) {
    self.transport = transport
    self.base = base
    nextBase = base
  }

  // MARK: Registers

  package func read(_ register: MMIORegister) -> UInt32 {
    UInt32(truncatingIfNeeded: transport.load(at: UInt64(register.rawValue), count: 4))
  }

  package func write(_ value: UInt32, _ register: MMIORegister) {
    transport.store(UInt64(value), at: UInt64(register.rawValue), count: 4)
  }

  package func configuration(at offset: UInt64, count: Int) -> UInt64 {
    transport.load(at: MMIORegister.configurationStart + offset, count: count)
  }

  package func writeConfiguration(_ value: UInt64, at offset: UInt64, count: Int) {
    transport.store(value, at: MMIORegister.configurationStart + offset, count: count)
  }

  /// Eight bytes of the configuration space in two halves that belong together.
  package func configuration64(at offset: UInt64) throws -> UInt64 {
    for _ in 0..<1_000_000 {
      let before = read(.configurationGeneration)
      let low = configuration(at: offset, count: 4)
      let high = configuration(at: offset + 4, count: 4)
      if read(.configurationGeneration) == before { return low | high << 32 }
    }
    throw Refusal.restless
  }

  package var status: DeviceStatus {
    DeviceStatus(rawValue: UInt8(truncatingIfNeeded: read(.status)))
  }

  package func addStatus(_ more: DeviceStatus) {
    write(UInt32(status.union(more).rawValue), .status)
  }

  package var offeredFeatures: VirtioFeatures {
    write(1, .deviceFeaturesSelection)
    let high = UInt64(read(.deviceFeatures))
    write(0, .deviceFeaturesSelection)
    return VirtioFeatures(rawValue: high << 32 | UInt64(read(.deviceFeatures)))
  }

  package func writeFeatures(_ features: VirtioFeatures) {
    write(1, .driverFeaturesSelection)
    write(UInt32(truncatingIfNeeded: features.rawValue >> 32), .driverFeatures)
    write(0, .driverFeaturesSelection)
    write(UInt32(truncatingIfNeeded: features.rawValue), .driverFeatures)
  }

  // MARK: Steps

  /// From nothing to accepted features; returns those.
  @discardableResult
  package func negotiate(
    _ wanted: VirtioFeatures = VirtioFeatures(rawValue: .max)
  ) throws -> VirtioFeatures {
    guard read(.magicValue) == MMIORegister.magic else {
      throw Refusal.notVirtio(read(.magicValue))
    }
    guard read(.version) == 2 else { throw Refusal.wrongVersion(read(.version)) }
    guard read(.deviceID) != 0 else { throw Refusal.noDevice }
    _ = read(.vendorID)
    reset()
    addStatus(.acknowledged)
    addStatus(.driver)
    let offered = offeredFeatures
    guard offered.contains(.version1) else { throw Refusal.legacyOnly }
    let chosen = offered.intersection(wanted.union(.version1))
    writeFeatures(chosen)
    addStatus(.featuresAccepted)
    guard status.contains(.featuresAccepted) else { throw Refusal.featuresRefused }
    return chosen
  }

  /// Lays out the rings of a queue and enables it; `size` nil takes the largest.
  @discardableResult
  package func setUpQueue(
    _ index: Int, size: UInt16? = nil, dataSize: UInt64 = 0x2_0000
  ) throws -> MockDriver {
    write(UInt32(index), .queueSelection)
    guard read(.queueReady) == 0 else { throw Refusal.queueInUse(index) }
    let maximum = read(.queueSizeMaximum)
    guard maximum > 0 else { throw Refusal.noSuchQueue(index) }
    let size = size ?? UInt16(truncatingIfNeeded: maximum)
    let driver = try MockDriver(
      transport.memory, size: size, base: nextBase, dataSize: dataSize)
    nextBase = (driver.usedRing.rawValue + 6 + 8 * UInt64(size) + 0xfff) & ~0xfff
    nextBase = (nextBase + dataSize + 0xfff) & ~0xfff
    writeRings(driver)
    write(1, .queueReady)
    guard read(.queueReady) == 1 else { throw Refusal.queueRefused(index) }
    queues[index] = driver
    return driver
  }

  /// Writes size and addresses of the selected queue.
  package func writeRings(_ driver: MockDriver) {
    write(UInt32(driver.size), .queueSize)
    func pair(_ address: GuestAddress, _ low: MMIORegister, _ high: MMIORegister) {
      write(UInt32(truncatingIfNeeded: address.rawValue), low)
      write(UInt32(truncatingIfNeeded: address.rawValue >> 32), high)
    }
    pair(driver.descriptorTable, .queueDescriptorLow, .queueDescriptorHigh)
    pair(driver.availableRing, .queueDriverLow, .queueDriverHigh)
    pair(driver.usedRing, .queueDeviceLow, .queueDeviceHigh)
  }

  /// All the way to a device at work, with all its queues.
  @discardableResult
  package func bringUp(
    _ wanted: VirtioFeatures = VirtioFeatures(rawValue: .max), queueCount: Int? = nil,
    size: UInt16? = nil
  ) throws -> VirtioFeatures {
    let chosen = try negotiate(wanted)
    for index in 0..<(queueCount ?? transport.queueCount) { try setUpQueue(index, size: size) }
    addStatus(.driverReady)
    return chosen
  }

  package func notify(_ queue: Int) {
    write(UInt32(queue), .queueNotify)
  }

  package func reset() {
    write(0, .status)
    queues = [:]
    nextBase = base
  }

  /// Disables all queues, as a driver that goes.
  package func tearDownQueues() throws {
    for index in queues.keys {
      write(UInt32(index), .queueSelection)
      write(0, .queueReady)
      guard read(.queueReady) == 0 else { throw Refusal.queueRefused(index) }
    }
    queues = [:]
  }

  /// Reads and acknowledges what is there; returns it.
  package func takeInterrupts() -> UInt32 {
    let reasons = read(.interruptStatus)
    if reasons != 0 { write(reasons, .interruptAcknowledge) }
    return reasons
  }

  // MARK: The device's side, where no worker serves

  /// Serves every queue that was notified until it rests.
  package func pump() {
    var busy = true
    var turns = 0
    while busy && turns < 100_000 {
      busy = false
      for index in 0..<transport.queueCount {
        guard let notifier = transport.queueNotifier(index), notifier.event.drain() > 0 else {
          continue
        }
        busy = true
        var more = transport.serve(queue: index)
        while more && turns < 100_000 {
          more = transport.serve(queue: index, cause: .continuation)
          turns += 1
        }
      }
    }
  }
}
