/// Numbers of the wire format.
enum VhostUserWire {
  static let headerSize = 12
  /// No request that we know is near this long.
  static let maximumPayload = 4096
  static let maximumConfiguration = 256
  static let maximumRegions = 64

  static let versionMask: UInt32 = 0x3
  static let version: UInt32 = 0x1
  static let replyFlag: UInt32 = 0x4
  static let needReplyFlag: UInt32 = 0x8

  /// Bit of the feature word that says that there are protocol features.
  ///
  /// C name: `VHOST_USER_F_PROTOCOL_FEATURES`.
  static let protocolFeaturesBit: UInt64 = 1 << 30
  /// Bit of the feature word that asks for the log of dirty pages.
  ///
  /// C name: `VHOST_F_LOG_ALL`.
  static let logAllBit: UInt64 = 1 << 26
  /// Flag of a ring's addresses: the used ring is logged as well.
  ///
  /// C name: `VHOST_VRING_F_LOG`.
  static let ringLogFlag: UInt32 = 1 << 0
  /// In the payload of kick, call and error: there is no descriptor.
  static let noDescriptorBit: UInt64 = 1 << 8
  /// C name: `VIRTIO_CONFIG_S_NEEDS_RESET`.
  static let statusNeedsReset: UInt64 = 0x40
}
