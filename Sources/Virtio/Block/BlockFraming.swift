import Glibc
import HostOS

/// Types of block requests (virtio 1.2, 5.2.6).
enum BlockRequestType {
  /// C name: `VIRTIO_BLK_T_IN`.
  static let read: UInt32 = 0
  /// C name: `VIRTIO_BLK_T_OUT`.
  static let write: UInt32 = 1
  /// C name: `VIRTIO_BLK_T_FLUSH`.
  static let flush: UInt32 = 4
  /// C name: `VIRTIO_BLK_T_GET_ID`.
  static let getID: UInt32 = 8
  /// C name: `VIRTIO_BLK_T_DISCARD`.
  static let discard: UInt32 = 11
  /// C name: `VIRTIO_BLK_T_WRITE_ZEROES`.
  static let writeZeroes: UInt32 = 13
}

/// What the driver is told of a request.
enum BlockStatus: UInt8 {
  /// `VIRTIO_BLK_S_OK`
  case ok = 0
  /// `VIRTIO_BLK_S_IOERR`
  case ioError = 1
  /// `VIRTIO_BLK_S_UNSUPP`
  case unsupported = 2
}

/// The limits of the configuration space, as requests are held against them.
struct BlockLimits {
  let segments: Int
  let segmentSize: Int
  let discardSectors: UInt32
  let discardSegments: Int
  let zeroSectors: UInt32
  let zeroSegments: Int
}

/// What a turn of a queue needs to know of the device.
struct BlockTurn {
  let queue: Int
  let sectorCount: UInt64
  /// Writes must be stable when they are done.
  let writesThrough: Bool
  let isReadOnly: Bool
  let acceptsDiscard: Bool
  let acceptsWriteZeroes: Bool
  let limits: BlockLimits
  /// The device needs a reset: what is under way is finished, nothing is taken.
  let isBroken: Bool
  /// What may hold requests back; nil when nothing does.
  let throttle: Throttle?
  /// The caller looks again soon: the driver is not asked for notifications.
  var staysAwake = false
}

/// What came of looking at a request.
enum BlockParse {
  /// It is answered so, without doing anything.
  case refuse(BlockStatus)
  /// It wants to know the disk's name.
  case identity
  /// The slot says what to do.
  case work
}

/// Reads requests out of descriptor chains (virtio 1.2, 5.2.6).
///
/// The header is the first 16 readable bytes and the status the last writable one, however the
/// driver split them into descriptors; the data is what is between. Each guest word is read once.
enum BlockFraming {
  static let sectorSize = 512
  static let headerSize = 16
  static let identitySize = 20
  static let rangeSize = 16

  /// Looks at a chain that has at least one writable byte, and prepares a free slot for it.
  static func parse(
    _ chain: borrowing DescriptorChain, into slot: inout BlockSlot, _ turn: borrowing BlockTurn,
    _ counters: CounterCells
  ) -> BlockParse {
    guard let first = chain.readable.loadUInt64(at: 0),
      let sector = chain.readable.loadUInt64(at: 8)
    else { return refuseFraming(counters) }
    slot.status = GuestByte(lastOf: chain.writable)
    // The upper half of the first word is the I/O priority, which nothing here uses.
    switch UInt32(truncatingIfNeeded: first) {
    case BlockRequestType.read:
      slot.work = .read
      let count = chain.writableByteCount - 1
      return transfer(chain.writable, from: 0, count, sector, &slot, turn, counters)
    case BlockRequestType.write:
      guard !turn.isReadOnly else { return refuseFraming(counters) }
      slot.work = .write
      let count = chain.readableByteCount - headerSize
      return transfer(chain.readable, from: headerSize, count, sector, &slot, turn, counters)
    case BlockRequestType.flush:
      slot.work = .flush
      slot.byteCount = 0
      return .work
    case BlockRequestType.getID:
      return chain.writableByteCount > 1 ? .identity : refuseFraming(counters)
    case BlockRequestType.discard where turn.acceptsDiscard:
      slot.work = .discard
      return ranges(chain.readable, &slot, turn, counters)
    case BlockRequestType.writeZeroes where turn.acceptsWriteZeroes:
      slot.work = .writeZeroes
      return ranges(chain.readable, &slot, turn, counters)
    default:
      counters.add(.unsupported)
      return .refuse(.unsupported)
    }
  }

  private static func transfer(
    _ buffers: borrowing IOVecList, from offset: Int, _ count: Int, _ sector: UInt64,
    _ slot: inout BlockSlot, _ turn: borrowing BlockTurn, _ counters: CounterCells
  ) -> BlockParse {
    guard count % sectorSize == 0 else { return refuseFraming(counters) }
    let sectors = UInt64(count / sectorSize)
    // Compared by subtraction: `sector + sectors` and `sector * 512` could wrap.
    guard sector <= turn.sectorCount, sectors <= turn.sectorCount - sector else {
      counters.add(.outOfRangeErrors)
      return .refuse(.ioError)
    }
    slot.data.replace(with: buffers, from: offset, count: count)
    guard holdsLimits(slot.data, turn.limits) else {
      slot.data.removeAll()
      return refuseFraming(counters)
    }
    slot.position = sector * UInt64(sectorSize)
    slot.byteCount = UInt64(count)
    return .work
  }

  private static func holdsLimits(
    _ data: borrowing IOVecList, _ limits: BlockLimits
  ) -> Bool {
    // Twice, because a segment that crosses regions counts for each of its parts.
    guard data.count <= limits.segments &* 2 else { return false }
    guard limits.segmentSize < .max else { return true }
    for index in 0..<data.count {
      guard unsafe data.unsafeStart[index].iov_len <= limits.segmentSize else { return false }
    }
    return true
  }

  /// Reads the ranges of a discard or a request for zeroes: all of them are good, or none is
  /// touched.
  private static func ranges(
    _ data: borrowing IOVecList, _ slot: inout BlockSlot, _ turn: borrowing BlockTurn,
    _ counters: CounterCells
  ) -> BlockParse {
    let length = data.byteCount - headerSize
    let isDiscard = slot.work == .discard
    let count = length / rangeSize
    guard count > 0, length % rangeSize == 0,
      count <= (isDiscard ? turn.limits.discardSegments : turn.limits.zeroSegments)
    else { return refuseFraming(counters) }
    slot.ranges.removeAll()
    var total: UInt64 = 0
    for index in 0..<count {
      let offset = headerSize + index * rangeSize
      guard let sector = data.loadUInt64(at: offset), let rest = data.loadUInt64(at: offset + 8)
      else { return refuseFraming(counters) }
      let sectors = UInt32(truncatingIfNeeded: rest)
      let flags = UInt32(truncatingIfNeeded: rest >> 32)
      guard flags & ~(isDiscard ? 0 : unmapFlag) == 0 else {
        counters.add(.unsupported)
        return .refuse(.unsupported)
      }
      guard sectors <= (isDiscard ? turn.limits.discardSectors : turn.limits.zeroSectors) else {
        return refuseFraming(counters)
      }
      guard sector <= turn.sectorCount, UInt64(sectors) <= turn.sectorCount - sector else {
        counters.add(.outOfRangeErrors)
        return .refuse(.ioError)
      }
      let range = BlockRange(
        position: sector * UInt64(sectorSize), count: UInt64(sectors) * UInt64(sectorSize),
        mayUnmap: isDiscard || flags & unmapFlag != 0)
      guard slot.ranges.append(range) else { return refuseFraming(counters) }
      // At most 256 ranges of less than 2^41 bytes.
      total += range.count
    }
    slot.byteCount = total
    return .work
  }

  private static func refuseFraming(_ counters: CounterCells) -> BlockParse {
    counters.add(.framingErrors)
    return .refuse(.ioError)
  }

  /// C name: `VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP`.
  private static let unmapFlag: UInt32 = 1
}
