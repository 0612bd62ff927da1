/// What can be wrong with the record of requests in flight that a peer hands over.
package enum InflightError: Error, Hashable, Sendable {
  /// The range is shorter than a record of this many descriptors.
  case tooSmall(byteCount: Int, needed: Int)
  /// The range does not begin at a multiple of eight.
  case misaligned
  /// The record has a layout that is not known here.
  case unknownVersion(UInt16)
  /// The record was made for another number of descriptors.
  case wrongSize(recorded: UInt16, expected: UInt16)
  /// The last batch is longer than the queue, while requests are in flight.
  case batchTooLong(UInt16)
  /// The last batch names a descriptor that the queue does not have.
  case headOutOfRange(UInt16)
}

/// The record in shared memory of the requests of one queue that are in flight, with which another
/// process goes on where this one died (vhost-user, "Inflight I/O tracking", split virtqueue).
///
/// The layout, in the host's byte order: features u64, version u16, desc_num u16,
/// last_batch_head u16, used_idx u16, and then for each descriptor inflight u8, five unused bytes,
/// next u16, counter u64.
///
/// The peer can write what it likes into the record, at any time: what is read here only ever
/// chooses which heads are given out again, each after a check.
package struct InflightRecord: Sendable {
  let words: InflightWords
  // Keeps the memory mapped.
  let owner: any AnyObject & Sendable

  /// The distance between the records of two queues, which all begin at a multiple of 64.
  package static func byteCount(queueSize: UInt16) -> Int {
    (InflightWords.byteCount(queueSize) + 63) & ~63
  }

  /// Takes a range that stays mapped as long as `owner` lives; zeros are a record without requests.
  ///
  /// - Parameter queueSize: for how many descriptors there is an entry; a queue may be shorter.
  /// - Throws: ``InflightError/tooSmall(byteCount:needed:)``, `misaligned`.
  @unsafe package init(
    _ range: UnsafeMutableRawBufferPointer, queueSize: UInt16, owner: any AnyObject & Sendable
  ) throws(InflightError) {
    let needed = InflightWords.byteCount(queueSize)
    guard let base = range.baseAddress, range.count >= needed else {
      throw .tooSmall(byteCount: range.count, needed: needed)
    }
    guard UInt(bitPattern: base) & 7 == 0 else { throw .misaligned }
    unsafe words = InflightWords(base, queueSize)
    self.owner = owner
  }

  /// Forgets everything, as when the driver resets the device.
  package func clear() {
    words.clear()
  }
}
