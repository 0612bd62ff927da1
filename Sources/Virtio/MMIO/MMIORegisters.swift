import GuestMemory

/// What the driver has written about the device and its queues.
struct MMIORegisters: Sendable {
  /// What the driver says of one queue before it is enabled, as it was written.
  ///
  /// Judged as a whole when the queue is enabled: its addresses come in halves.
  struct Queue: Sendable {
    var size: UInt32
    var descriptors: UInt64 = 0
    var driver: UInt64 = 0
    var device: UInt64 = 0
    var isReady = false

    init(maximumSize: UInt16) {
      size = UInt32(maximumSize)
    }

    /// The queue as it is to be used; nil when its size or an alignment is bad.
    func configuration(maximumSize: UInt16) -> QueueConfiguration? {
      guard let size = UInt16(exactly: size) else { return nil }
      var result = QueueConfiguration(maximumSize: maximumSize)
      do throws(QueueError) {
        try result.setSize(size)
        try result.setAddress(GuestAddress(descriptors), of: .descriptorTable)
        try result.setAddress(GuestAddress(driver), of: .availableRing)
        try result.setAddress(GuestAddress(device), of: .usedRing)
      } catch {
        return nil
      }
      result.ready = true
      return result
    }
  }

  let maximumSize: UInt16
  var deviceFeaturesPage: UInt32 = 0
  var driverFeaturesPage: UInt32 = 0
  var driverFeatures: UInt64 = 0
  /// A bit of a page was set on which no bit is offered.
  var hasStrangeFeatures = false
  /// What driver and device agreed on.
  var negotiated: VirtioFeatures = []
  var queueSelection: UInt32 = 0
  var queues: [Queue]

  init(queueCount: Int, maximumSize: UInt16) {
    self.maximumSize = maximumSize
    queues = Array(repeating: Queue(maximumSize: maximumSize), count: queueCount)
  }

  /// The index of the selected queue; nil when there is none of that number.
  var selectedQueue: Int? {
    guard let index = Int(exactly: queueSelection), queues.indices.contains(index) else {
      return nil
    }
    return index
  }

  /// Back to the state after reset.
  mutating func reset() {
    self = MMIORegisters(queueCount: queues.count, maximumSize: maximumSize)
  }
}
