/// How a block device presents itself to the driver.
package struct BlockOptions: Hashable, Sendable {
  /// What GET_ID answers: the first 20 bytes of its UTF-8.
  ///
  /// Shows as `serial` in the guest's sysfs.
  package var identity = "ktstr"
  /// Logical block size that the guest is told: a power of two, at least 512.
  package var blockSize: UInt32 = 512
  /// Number of request queues.
  package var queueCount = 1
  /// The largest size of each queue.
  ///
  /// QEMU gives Linux its own largest size, 1024 (`VIRTQUEUE_MAX_SIZE`), whatever `queue-size` says,
  /// since some 10.0 point release; before, it was 128.
  package var maximumQueueSize: UInt16 = 1024
  /// Data segments in one request at most.
  package var maximumSegments: UInt32 = 126
  /// Bytes in one segment at most; nil sets no limit.
  package var maximumSegmentSize: UInt32?

  /// Makes the defaults.
  package init() {}
}

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
  /// There is more than one queue.
  ///
  /// C name: `VIRTIO_BLK_F_MQ`.
  package static let blockMultiQueue = VirtioFeatures(rawValue: 1 << 12)
}

/// The configuration space of a block device (virtio 1.2, 5.2.4), little-endian.
enum BlockConfigurationSpace {
  /// Up to and including the secure-erase fields; what lies after reads as zero.
  static let byteCount = 0x48

  static func encode(sectors: UInt64, _ options: BlockOptions) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    func put(_ value: some FixedWidthInteger, at offset: Int) {
      for index in 0..<(value.bitWidth / 8) {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      }
    }
    put(sectors, at: 0x00)  // capacity, in units of 512 bytes
    put(options.maximumSegmentSize ?? 0, at: 0x08)  // size_max
    put(options.maximumSegments, at: 0x0c)  // seg_max
    put(options.blockSize, at: 0x14)  // blk_size
    put(UInt16(truncatingIfNeeded: options.queueCount), at: 0x22)  // num_queues
    return bytes
  }
}
