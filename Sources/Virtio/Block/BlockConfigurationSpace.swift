/// The configuration space of a block device (virtio 1.2, 5.2.4), little-endian.
enum BlockConfigurationSpace {
  /// Up to and including the secure-erase fields; what lies after reads as zero.
  static let byteCount = 0x48
  /// Where the byte stands that says whether writes may be cached.
  static let writebackOffset = 0x20

  /// The whole space.
  static func encode(sectors: UInt64, writeback: Bool, mayUnmap: Bool, _ options: BlockOptions)
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    func put(_ value: some FixedWidthInteger, at offset: Int) {
      for index in 0..<(value.bitWidth / 8) {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      }
    }
    let physical = max(options.physicalBlockSize, options.blockSize)
    let blocks = physical / options.blockSize
    put(sectors, at: 0x00)  // capacity, in units of 512 bytes
    put(options.maximumSegmentSize ?? 0, at: 0x08)  // size_max
    put(options.maximumSegments, at: 0x0c)  // seg_max
    put(options.blockSize, at: 0x14)  // blk_size
    put(UInt8(blocks.trailingZeroBitCount), at: 0x18)  // physical_block_exp
    put(UInt8(0), at: 0x19)  // alignment_offset
    put(UInt16(clamping: blocks), at: 0x1a)  // min_io_size, in blocks
    put(options.optimalBlockCount, at: 0x1c)  // opt_io_size, in blocks
    put(UInt8(writeback ? 1 : 0), at: writebackOffset)  // writeback
    put(UInt16(truncatingIfNeeded: options.queueCount), at: 0x22)  // num_queues
    put(options.maximumDiscardSectors, at: 0x24)  // max_discard_sectors
    put(options.maximumDiscardSegments, at: 0x28)  // max_discard_seg
    put(options.blockSize / 512, at: 0x2c)  // discard_sector_alignment
    put(options.maximumWriteZeroesSectors, at: 0x30)  // max_write_zeroes_sectors
    put(options.maximumWriteZeroesSegments, at: 0x34)  // max_write_zeroes_seg
    put(UInt8(mayUnmap ? 1 : 0), at: 0x38)  // write_zeroes_may_unmap
    return bytes
  }
}
