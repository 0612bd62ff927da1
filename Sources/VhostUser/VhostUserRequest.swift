/// Requests of a vhost-user frontend that this backend knows (vhost-user specification, "Frontend
/// message types").
enum VhostUserRequest: UInt32 {
  case getFeatures = 1
  case setFeatures = 2
  case setOwner = 3
  case resetOwner = 4
  case setMemoryTable = 5
  case setLogBase = 6
  case setLogDescriptor = 7
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
  case setBackendDescriptor = 21
  case getConfiguration = 24
  case setConfiguration = 25
  case getInflight = 31
  case setInflight = 32
  case resetDevice = 34
  case ringKick = 35
  case getMemorySlots = 36
  case addMemoryRegion = 37
  case removeMemoryRegion = 38
  case setStatus = 39
  case getStatus = 40

  /// Whether the request has an answer of its own, acknowledgement or not.
  var hasReply: Bool {
    switch self {
    case .getFeatures, .getProtocolFeatures, .getQueueCount, .getRingBase, .getConfiguration,
      .getMemorySlots, .getStatus, .getInflight, .setLogBase:
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
      .getMemorySlots, .getStatus, .setBackendDescriptor:
      0
    case .setFeatures, .setRingSize, .setRingBase, .getRingBase, .setRingKick, .setRingCall,
      .setRingError, .setProtocolFeatures, .setRingEnable, .setStatus, .ringKick:
      8
    case .setLogBase: 16
    case .setRingAddress, .addMemoryRegion, .removeMemoryRegion: 40
    // Some frontends pad the in-flight description to the alignment of its first word.
    case .setMemoryTable, .getConfiguration, .setConfiguration, .getInflight, .setInflight,
      .setLogDescriptor:
      nil
    }
  }

  /// The protocol feature without which a frontend has no business sending this.
  var neededFeature: VhostUserProtocolFeatures? {
    switch self {
    case .setLogBase, .setLogDescriptor: .logSharedMemory
    case .setBackendDescriptor: .backendRequests
    case .getConfiguration, .setConfiguration: .configuration
    case .getInflight, .setInflight: .inflight
    case .resetDevice: .resetDevice
    case .ringKick: .inBandNotifications
    case .getMemorySlots, .addMemoryRegion, .removeMemoryRegion: .memorySlots
    case .setStatus, .getStatus: .status
    default: nil
    }
  }
}

/// Requests that a backend sends to its frontend (vhost-user specification, "Back-end message
/// types").
enum BackendRequest: UInt32 {
  case configurationChanged = 2
  case ringCall = 4
  case ringError = 5
}
