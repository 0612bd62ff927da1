package import Boot

/// What a kernel's configuration says of the drivers that a guest needs.
package struct DriverConfiguration: Sendable {
  /// What became of an option.
  package enum State: Sendable {
    /// Part of the kernel.
    case builtIn
    /// A file of its own.
    case module
    /// Left out.
    case off
  }

  private let config: [UInt8]

  /// Takes the text of a `.config`.
  package init(_ config: [UInt8]) {
    self.config = config
  }

  /// What it says of a driver; nil for one whose option we do not know.
  ///
  /// Options are named as drivers are, in capitals; `drivers/virtio/Kconfig`,
  /// `drivers/block/Kconfig` and `drivers/char/Kconfig` of Linux for those of virtio.
  package func state(of driver: ModuleName) -> State? {
    guard driver.text.hasPrefix("virtio_") else { return nil }
    let option = "CONFIG_" + driver.text.uppercased()
    if KernelText.isSet(option, inConfig: config) { return .builtIn }
    return KernelText.isSet(option, to: "m", inConfig: config) ? .module : .off
  }
}
