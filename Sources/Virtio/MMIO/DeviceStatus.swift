/// How far the driver has come with the device (virtio 1.2, 2.1).
package struct DeviceStatus: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// The guest has seen the device.
  ///
  /// C name: `VIRTIO_CONFIG_S_ACKNOWLEDGE`.
  package static let acknowledged = DeviceStatus(rawValue: 1)
  /// The guest has a driver for it.
  ///
  /// C name: `VIRTIO_CONFIG_S_DRIVER`.
  package static let driver = DeviceStatus(rawValue: 2)
  /// The driver is ready to drive it.
  ///
  /// C name: `VIRTIO_CONFIG_S_DRIVER_OK`.
  package static let driverReady = DeviceStatus(rawValue: 4)
  /// Both sides agree on the features.
  ///
  /// C name: `VIRTIO_CONFIG_S_FEATURES_OK`.
  package static let featuresAccepted = DeviceStatus(rawValue: 8)
  /// The device cannot go on without a reset; only the device sets it.
  ///
  /// C name: `VIRTIO_CONFIG_S_NEEDS_RESET`.
  package static let needsReset = DeviceStatus(rawValue: 64)
  /// The driver has given up.
  ///
  /// C name: `VIRTIO_CONFIG_S_FAILED`.
  package static let failed = DeviceStatus(rawValue: 128)

  /// What a driver's write to the status asks for.
  package enum Step: Hashable, Sendable {
    /// The device is to be reset.
    case reset
    /// The driver goes one step on, or gives up: the status that is wanted.
    case advance(DeviceStatus)
    /// The status stays as it is, as it should.
    case same
    /// The driver may not do that; the status stays as it is.
    case refused
  }

  /// Judges a write.
  ///
  /// The steps are acknowledge, driver, features, ready, one at a time and each on top of the ones
  /// before; giving up is allowed at any time and final. The device's own bit may be repeated or
  /// left out, since it can appear between the driver's read and write.
  package func step(writing value: UInt32) -> Step {
    guard let byte = UInt8(exactly: value) else { return .refused }
    guard byte != 0 else { return .reset }
    let own = intersection(.needsReset)
    let current = subtracting(.needsReset)
    let wanted = DeviceStatus(rawValue: byte).subtracting(own)
    if wanted == current { return .same }
    if wanted == current.union(.failed) { return .advance(wanted.union(own)) }
    guard own.isEmpty else { return .refused }
    let steps: [DeviceStatus] = [.acknowledged, .driver, .featuresAccepted, .driverReady]
    var reached: DeviceStatus = []
    for step in steps {
      let next = reached.union(step)
      if current == reached { return wanted == next ? .advance(next) : .refused }
      reached = next
    }
    return .refused
  }
}
