internal import Wire

/// What a disk worker writes: 64-bit words that follow from seed, worker, pass and disk offset, so
/// that lost, stale and misplaced blocks all differ from what is expected.
package struct DiskPattern: Sendable {
  private let key: UInt64

  /// The pattern of one worker in one pass.
  package init(seed: UInt64, work: UInt16, worker: UInt16, pass: UInt32) {
    let place = UInt64(work) << 48 | UInt64(worker) << 32 | UInt64(pass)
    key = SeededRandom.mix(seed &+ SeededRandom.mix(place &+ Self.golden))
  }

  /// The word at a byte offset of the disk; the offset is a multiple of 8.
  @inline(__always)
  package func word(at offset: UInt64) -> UInt64 {
    SeededRandom.mix(key &+ (offset >> 3) &* Self.golden)
  }

  /// Fills a block that lies at `offset` on the disk.
  package func fill(_ words: UnsafeMutableBufferPointer<UInt64>, at offset: UInt64) {
    var position = offset
    for index in words.indices {
      unsafe words[index] = word(at: position).littleEndian
      position &+= 8
    }
  }

  /// The index of the first byte that is not what `fill` writes at `offset`, or nil.
  package func firstMismatch(
    _ words: UnsafeMutableBufferPointer<UInt64>, at offset: UInt64
  ) -> Int? {
    var position = offset
    for index in words.indices {
      let difference = unsafe UInt64(littleEndian: words[index]) ^ word(at: position)
      if difference != 0 { return index * 8 + difference.trailingZeroBitCount / 8 }
      position &+= 8
    }
    return nil
  }

  private static let golden: UInt64 = 0x9e37_79b9_7f4a_7c15
}
