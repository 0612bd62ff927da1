import Synchronization

extension MMIOTransport {
  /// Reads `count` bytes at an offset, lowest first; zero where that is not allowed.
  ///
  /// Control registers are read as aligned 32-bit words only, the configuration space as 1, 2, 4 or
  /// 8 bytes.
  package func load(at offset: UInt64, count: Int) -> UInt64 {
    guard offset < MMIORegister.configurationStart else {
      return loadConfiguration(offset - MMIORegister.configurationStart, count)
    }
    guard let register = register(at: offset, count) else { return 0 }
    guard register.direction != .write else {
      counts.add(.writeOnlyRead)
      return 0
    }
    return UInt64(load(register))
  }

  /// Writes the lowest `count` bytes of a value at an offset; nothing where that is not allowed.
  package func store(_ value: UInt64, at offset: UInt64, count: Int) {
    guard offset < MMIORegister.configurationStart else {
      return storeConfiguration(value, offset - MMIORegister.configurationStart, count)
    }
    guard let register = register(at: offset, count) else { return }
    guard register.direction != .read else {
      counts.add(.readOnlyWrite)
      return
    }
    store(UInt32(truncatingIfNeeded: value), register)
  }

  private func register(at offset: UInt64, _ count: Int) -> MMIORegister? {
    guard count == 4, offset % 4 == 0 else {
      counts.add(.badAccess)
      return nil
    }
    guard let register = UInt32(exactly: offset).flatMap(MMIORegister.init) else {
      counts.add(.unknownRegister)
      return nil
    }
    return register
  }

  private func load(_ register: MMIORegister) -> UInt32 {
    switch register {
    case .magicValue: MMIORegister.magic
    case .version: 2
    case .deviceID: device.deviceType
    case .vendorID: vendor
    case .deviceFeatures: registers.withLock { offeredPage($0.deviceFeaturesPage) }
    case .queueSizeMaximum:
      registers.withLock { $0.selectedQueue == nil ? 0 : UInt32($0.maximumSize) }
    case .queueReady:
      registers.withLock { registers in
        registers.selectedQueue.map { registers.queues[$0].isReady ? 1 : 0 } ?? 0
      }
    case .interruptStatus: shared.withLock { $0.interrupts }
    case .status: UInt32(status.rawValue)
    // There is no shared memory region, whichever is selected.
    case .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow,
      .sharedMemoryBaseHigh:
      .max
    case .configurationGeneration: device.configurationGeneration
    // A queue's reset is over before the write that asks for it.
    case .queueReset: 0
    case .deviceFeaturesSelection, .driverFeatures, .driverFeaturesSelection, .queueSelection,
      .queueSize, .queueNotify, .interruptAcknowledge, .queueDescriptorLow, .queueDescriptorHigh,
      .queueDriverLow, .queueDriverHigh, .queueDeviceLow, .queueDeviceHigh,
      .sharedMemorySelection:
      0
    }
  }

  private func store(_ value: UInt32, _ register: MMIORegister) {
    switch register {
    case .deviceFeaturesSelection: registers.withLock { $0.deviceFeaturesPage = value }
    case .driverFeaturesSelection: registers.withLock { $0.driverFeaturesPage = value }
    case .driverFeatures: registers.withLock { writeFeatures(value, &$0) }
    case .queueSelection: registers.withLock { $0.queueSelection = value }
    case .queueNotify: notify(value)
    case .interruptAcknowledge: acknowledge(value)
    case .status: registers.withLock { writeStatus(value, &$0) }
    case .queueReady: registers.withLock { writeReady(value, &$0) }
    case .queueReset: registers.withLock { writeQueueReset(value, &$0) }
    case .queueSize: writeQueue { $0.size = value }
    case .queueDescriptorLow: writeQueue { $0.descriptors.setLow(value) }
    case .queueDescriptorHigh: writeQueue { $0.descriptors.setHigh(value) }
    case .queueDriverLow: writeQueue { $0.driver.setLow(value) }
    case .queueDriverHigh: writeQueue { $0.driver.setHigh(value) }
    case .queueDeviceLow: writeQueue { $0.device.setLow(value) }
    case .queueDeviceHigh: writeQueue { $0.device.setHigh(value) }
    // No region exists, so none needs to be remembered.
    case .sharedMemorySelection: break
    case .magicValue, .version, .deviceID, .vendorID, .deviceFeatures, .queueSizeMaximum,
      .interruptStatus, .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow,
      .sharedMemoryBaseHigh, .configurationGeneration:
      break
    }
  }

  private func offeredPage(_ page: UInt32) -> UInt32 {
    switch page {
    case 0: UInt32(truncatingIfNeeded: offeredFeatures.rawValue)
    case 1: UInt32(truncatingIfNeeded: offeredFeatures.rawValue >> 32)
    default: 0
    }
  }

  private func writeFeatures(_ value: UInt32, _ registers: inout MMIORegisters) {
    let status = status
    guard status.contains(.driver),
      status.isDisjoint(with: [.featuresAccepted, .failed, .needsReset])
    else {
      counts.add(.ignoredFeatures)
      return
    }
    switch registers.driverFeaturesPage {
    case 0: registers.driverFeatures.setLow(value)
    case 1: registers.driverFeatures.setHigh(value)
    // Not remembered by page, of which there are 2^32: nothing on them can be accepted.
    default: if value != 0 { registers.hasStrangeFeatures = true }
    }
  }

  /// The configuration space may be written at any time, as far as the device lets it: a console's
  /// emergency write needs no driver (virtio 1.2, 5.3.4).
  private func storeConfiguration(_ value: UInt64, _ offset: UInt64, _ count: Int) {
    guard [1, 2, 4, 8].contains(count) else {
      counts.add(.badAccess)
      return
    }
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    guard let place = Int(exactly: offset), device.writeConfiguration(bytes, at: place) else {
      counts.add(.refusedConfigurationWrite)
      return
    }
  }

  private func loadConfiguration(_ offset: UInt64, _ count: Int) -> UInt64 {
    guard [1, 2, 4, 8].contains(count) else {
      counts.add(.badAccess)
      return 0
    }
    guard let place = Int(exactly: offset) else { return 0 }
    return device.configuration(at: place, count: count).reversed().reduce(0) {
      $0 << 8 | UInt64($1)
    }
  }
}

extension UInt64 {
  fileprivate mutating func setLow(_ value: UInt32) {
    self = self & 0xffff_ffff_0000_0000 | UInt64(value)
  }

  fileprivate mutating func setHigh(_ value: UInt32) {
    self = self & 0xffff_ffff | UInt64(value) << 32
  }
}
