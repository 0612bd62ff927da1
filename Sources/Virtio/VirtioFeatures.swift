/// Feature bits of a virtio device: what it offers, and what the driver took (virtio 1.2, 2.2).
package struct VirtioFeatures: OptionSet, Hashable, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Descriptors may point to tables of descriptors.
  ///
  /// C name: `VIRTIO_F_INDIRECT_DESC`.
  package static let indirectDescriptors = VirtioFeatures(rawValue: 1 << 28)
  /// Each side says at which index it wants to be notified.
  ///
  /// C name: `VIRTIO_F_EVENT_IDX`.
  package static let eventIndex = VirtioFeatures(rawValue: 1 << 29)
  /// The device follows virtio 1.0 or later.
  ///
  /// C name: `VIRTIO_F_VERSION_1`.
  package static let version1 = VirtioFeatures(rawValue: 1 << 32)
  /// The driver may reset single queues.
  ///
  /// C name: `VIRTIO_F_RING_RESET`.
  package static let ringReset = VirtioFeatures(rawValue: 1 << 40)
}
