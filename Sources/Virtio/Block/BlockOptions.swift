/// Who moves the bytes between file and guest memory.
package enum BlockEngineKind: Hashable, Sendable {
  /// System calls, or copies for a disk in memory, that are done when they come back.
  case synchronous
  /// Operations queued to the kernel through io_uring.
  case ioUring
}

/// Which engine a device shall have.
package enum BlockEngineChoice: Hashable, Sendable {
  /// What is fastest for the backing: io_uring for a file that is read past the page cache
  /// (`O_DIRECT`), system calls for anything else.
  case automatic
  /// System calls.
  case synchronous
  /// io_uring, or system calls where the kernel refuses it.
  case ioUring
}

/// How a block device presents itself to the driver, and how it works inside.
package struct BlockOptions: Hashable, Sendable {
  /// What GET_ID answers: the first 20 bytes of its UTF-8.
  ///
  /// Shows as `serial` in the guest's sysfs.
  package var identity = "ktstr"
  /// Logical block size that the guest is told: a power of two, at least 512.
  package var blockSize: UInt32 = 512
  /// Physical block size that the guest is told: a power of two, at least `blockSize` to count.
  package var physicalBlockSize: UInt32 = 4096
  /// Preferred size of a long transfer in logical blocks; zero says nothing.
  package var optimalBlockCount: UInt32 = 0
  /// Number of request queues.
  package var queueCount = 1
  /// The largest size of each queue.
  ///
  /// QEMU gives Linux its own largest size, 1024 (`VIRTQUEUE_MAX_SIZE`), whatever `queue-size` says,
  /// since some 10.0 point release; before, it was 128.
  package var maximumQueueSize: UInt16 = 1024
  /// Data segments in one request at most.
  ///
  /// Enforced at twice the number, because a segment that crosses a border of guest memory regions
  /// counts for each of its parts.
  package var maximumSegments: UInt32 = 126
  /// Bytes in one segment at most; nil sets no limit.
  package var maximumSegmentSize: UInt32?
  /// Sectors in one range of a discard at most.
  package var maximumDiscardSectors: UInt32 = 1 << 21
  /// Ranges in one discard at most, up to 256.
  package var maximumDiscardSegments: UInt32 = 32
  /// Sectors in one range of a request to write zeroes at most.
  package var maximumWriteZeroesSectors: UInt32 = 1 << 16
  /// Ranges in one request to write zeroes at most, up to 256.
  package var maximumWriteZeroesSegments: UInt32 = 8
  /// Who moves the bytes.
  package var engine = BlockEngineChoice.automatic
  /// Requests that a queue has in the hands of the kernel at once, with io_uring: 1 to 1,024.
  package var inFlightLimit = 128
  /// How long stopping a queue waits for requests in the hands of the kernel, in nanoseconds.
  package var stopNanoseconds: UInt64 = 5_000_000_000
  /// How fast the driver may be served; nil is as fast as it goes.
  package var throttle: ThrottleLimits?

  /// Makes the defaults.
  package init() {}
}
