/// Requests of a vhost-user frontend that this backend knows (vhost-user specification, "Frontend
/// message types").
enum VhostUserRequest: UInt32 {
  case getFeatures = 1
  case setFeatures = 2
  case setOwner = 3
  case resetOwner = 4
  case setMemoryTable = 5
  case setRingSize = 8
  case setRingAddress = 9
  case setRingBase = 10
  case getRingBase = 11
  case setRingKick = 12
  case setRingCall = 13
  case setRingError = 14
  case getProtocolFeatures = 15
  case setProtocolFeatures = 16
  case getQueueCount = 17
  case setRingEnable = 18
  case getConfiguration = 24
  case setConfiguration = 25
  case resetDevice = 34
  case getMemorySlots = 36
  case addMemoryRegion = 37
  case removeMemoryRegion = 38
  case setStatus = 39
  case getStatus = 40

  /// Whether the request has an answer of its own, acknowledgement or not.
  var hasReply: Bool {
    switch self {
    case .getFeatures, .getProtocolFeatures, .getQueueCount, .getRingBase, .getConfiguration,
      .getMemorySlots, .getStatus:
      true
    default: false
    }
  }

  /// Bytes of payload; nil where they vary.
  ///
  /// A longer payload than this is refused too.
  var payloadSize: Int? {
    switch self {
    case .getFeatures, .setOwner, .resetOwner, .getProtocolFeatures, .getQueueCount, .resetDevice,
      .getMemorySlots, .getStatus:
      0
    case .setFeatures, .setRingSize, .setRingBase, .getRingBase, .setRingKick, .setRingCall,
      .setRingError, .setProtocolFeatures, .setRingEnable, .setStatus:
      8
    case .setRingAddress, .addMemoryRegion, .removeMemoryRegion: 40
    case .setMemoryTable, .getConfiguration, .setConfiguration: nil
    }
  }

  /// The protocol feature without which a frontend has no business sending this.
  var neededFeature: VhostUserProtocolFeatures? {
    switch self {
    case .getConfiguration, .setConfiguration: .configuration
    case .resetDevice: .resetDevice
    case .getMemorySlots, .addMemoryRegion, .removeMemoryRegion: .memorySlots
    case .setStatus, .getStatus: .status
    default: nil
    }
  }
}

/// Optional parts of the protocol itself.
package struct VhostUserProtocolFeatures: OptionSet, Hashable, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// More than one queue.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_MQ`.
  package static let multiQueue = VhostUserProtocolFeatures(rawValue: 1 << 0)
  /// Any request can be acknowledged.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_REPLY_ACK`.
  package static let replyAcknowledge = VhostUserProtocolFeatures(rawValue: 1 << 3)
  /// The backend has the configuration space.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_CONFIG`.
  package static let configuration = VhostUserProtocolFeatures(rawValue: 1 << 9)
  /// The device can be reset at once.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_RESET_DEVICE`.
  package static let resetDevice = VhostUserProtocolFeatures(rawValue: 1 << 13)
  /// Memory comes and goes region by region.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS`.
  package static let memorySlots = VhostUserProtocolFeatures(rawValue: 1 << 15)
  /// The backend knows the virtio status byte.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_STATUS`.
  package static let status = VhostUserProtocolFeatures(rawValue: 1 << 16)

  /// All that this backend can do.
  package static let supported: VhostUserProtocolFeatures = [
    .multiQueue, .replyAcknowledge, .configuration, .resetDevice, .memorySlots, .status,
  ]
}

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
  /// In the payload of kick, call and error: there is no descriptor.
  static let noDescriptorBit: UInt64 = 1 << 8
  /// C name: `VIRTIO_CONFIG_S_NEEDS_RESET`.
  static let statusNeedsReset: UInt64 = 0x40
}
