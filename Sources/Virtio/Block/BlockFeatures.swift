extension VirtioFeatures {
  /// The longest segment is given.
  ///
  /// C name: `VIRTIO_BLK_F_SIZE_MAX`.
  package static let blockSegmentSize = VirtioFeatures(rawValue: 1 << 1)
  /// The largest number of segments is given.
  ///
  /// C name: `VIRTIO_BLK_F_SEG_MAX`.
  package static let blockSegmentCount = VirtioFeatures(rawValue: 1 << 2)
  /// The disk cannot be written.
  ///
  /// C name: `VIRTIO_BLK_F_RO`.
  package static let blockReadOnly = VirtioFeatures(rawValue: 1 << 5)
  /// The block size is given.
  ///
  /// C name: `VIRTIO_BLK_F_BLK_SIZE`.
  package static let blockSize = VirtioFeatures(rawValue: 1 << 6)
  /// Writes may be cached until a flush.
  ///
  /// C name: `VIRTIO_BLK_F_FLUSH`.
  package static let blockFlush = VirtioFeatures(rawValue: 1 << 9)
  /// Physical block size and preferred sizes of requests are given.
  ///
  /// C name: `VIRTIO_BLK_F_TOPOLOGY`.
  package static let blockTopology = VirtioFeatures(rawValue: 1 << 10)
  /// The driver may choose between write-back and write-through.
  ///
  /// C name: `VIRTIO_BLK_F_CONFIG_WCE`.
  package static let blockWriteCache = VirtioFeatures(rawValue: 1 << 11)
  /// There is more than one queue.
  ///
  /// C name: `VIRTIO_BLK_F_MQ`.
  package static let blockMultiQueue = VirtioFeatures(rawValue: 1 << 12)
  /// Sectors can be given up.
  ///
  /// C name: `VIRTIO_BLK_F_DISCARD`.
  package static let blockDiscard = VirtioFeatures(rawValue: 1 << 13)
  /// Sectors can be filled with zeroes without sending any.
  ///
  /// C name: `VIRTIO_BLK_F_WRITE_ZEROES`.
  package static let blockWriteZeroes = VirtioFeatures(rawValue: 1 << 14)
}
