/// The control registers of virtio-mmio version 2 (virtio 1.2, 4.2.2), by their offsets.
package enum MMIORegister: UInt32, CaseIterable, Sendable {
  case magicValue = 0x000
  case version = 0x004
  case deviceID = 0x008
  case vendorID = 0x00c
  case deviceFeatures = 0x010
  case deviceFeaturesSelection = 0x014
  case driverFeatures = 0x020
  case driverFeaturesSelection = 0x024
  case queueSelection = 0x030
  case queueSizeMaximum = 0x034
  case queueSize = 0x038
  case queueReady = 0x044
  case queueNotify = 0x050
  case interruptStatus = 0x060
  case interruptAcknowledge = 0x064
  case status = 0x070
  case queueDescriptorLow = 0x080
  case queueDescriptorHigh = 0x084
  case queueDriverLow = 0x090
  case queueDriverHigh = 0x094
  case queueDeviceLow = 0x0a0
  case queueDeviceHigh = 0x0a4
  case sharedMemorySelection = 0x0ac
  case sharedMemoryLengthLow = 0x0b0
  case sharedMemoryLengthHigh = 0x0b4
  case sharedMemoryBaseLow = 0x0b8
  case sharedMemoryBaseHigh = 0x0bc
  case queueReset = 0x0c0
  case configurationGeneration = 0x0fc

  /// Where the device's configuration space begins.
  package static let configurationStart: UInt64 = 0x100
  /// What MagicValue reads: "virt", lowest byte first.
  package static let magic: UInt32 = 0x7472_6976

  /// Which way a register goes.
  package enum Direction: Sendable {
    case read
    case write
    case both
  }

  /// Which way this register goes.
  package var direction: Direction {
    switch self {
    case .magicValue, .version, .deviceID, .vendorID, .deviceFeatures, .queueSizeMaximum,
      .interruptStatus, .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow,
      .sharedMemoryBaseHigh, .configurationGeneration:
      .read
    case .queueReady, .status, .queueReset:
      .both
    case .deviceFeaturesSelection, .driverFeatures, .driverFeaturesSelection, .queueSelection,
      .queueSize, .queueNotify, .interruptAcknowledge, .queueDescriptorLow, .queueDescriptorHigh,
      .queueDriverLow, .queueDriverHigh, .queueDeviceLow, .queueDeviceHigh,
      .sharedMemorySelection:
      .write
    }
  }
}
