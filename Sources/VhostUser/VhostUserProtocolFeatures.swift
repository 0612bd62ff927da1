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
  /// Dirty pages are logged to memory that the frontend shares.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_LOG_SHMFD`.
  package static let logSharedMemory = VhostUserProtocolFeatures(rawValue: 1 << 1)
  /// Any request can be acknowledged.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_REPLY_ACK`.
  package static let replyAcknowledge = VhostUserProtocolFeatures(rawValue: 1 << 3)
  /// The backend may send requests of its own, over a channel that the frontend gives it.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_BACKEND_REQ`.
  package static let backendRequests = VhostUserProtocolFeatures(rawValue: 1 << 5)
  /// The backend has the configuration space.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_CONFIG`.
  package static let configuration = VhostUserProtocolFeatures(rawValue: 1 << 9)
  /// Which requests are in flight is kept in memory that outlives the backend.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD`.
  package static let inflight = VhostUserProtocolFeatures(rawValue: 1 << 12)
  /// The device can be reset at once.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_RESET_DEVICE`.
  package static let resetDevice = VhostUserProtocolFeatures(rawValue: 1 << 13)
  /// Kicks and calls may be messages.
  ///
  /// C name: `VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS`.
  package static let inBandNotifications = VhostUserProtocolFeatures(rawValue: 1 << 14)
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
    .multiQueue, .logSharedMemory, .replyAcknowledge, .backendRequests, .configuration, .inflight,
    .resetDevice, .inBandNotifications, .memorySlots, .status,
  ]
}
