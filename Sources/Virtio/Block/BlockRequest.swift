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

/// What every request of a device needs to know.
struct BlockRequestContext {
  let backing: BlockBacking
  let counters: QueueCounters
  let identity: [UInt8]
  let sectorCount: UInt64
  /// The driver did not take the flush feature, so writes must be stable when they are done.
  let writesThrough: Bool

  static let sectorSize = 512
  static let headerSize = 16
  static let identitySize = 20

  /// What came of a request.
  struct Answer {
    enum Kind {
      case read
      case write
      case other
    }

    /// Which latency it belongs to.
    var kind = Kind.other
    /// Bytes to report as written: data and status, or the status alone when it failed.
    var usedLength: UInt32 = 1
  }

  /// Carries out a request and writes its status.
  ///
  /// The chain has at least one writable byte.
  ///
  /// The header is the first 16 readable bytes and the status the last writable one, however the
  /// driver split them into descriptors.
  func execute(_ chain: inout DescriptorChain, scratch: inout IOVecList) -> Answer {
    var answer = Answer()
    let statusOffset = chain.writableByteCount - 1
    var dataWritten = 0
    let status = perform(&chain, room: statusOffset, &scratch, &answer.kind, &dataWritten)
    _ = chain.writable.storeByte(status.rawValue, at: statusOffset)
    // The lengths of a chain are known to fit 32 bits together.
    if status == .ok { answer.usedLength = UInt32(truncatingIfNeeded: dataWritten + 1) }
    return answer
  }

  private func perform(
    _ chain: inout DescriptorChain, room: Int, _ scratch: inout IOVecList,
    _ kind: inout Answer.Kind, _ dataWritten: inout Int
  ) -> BlockStatus {
    guard let first = chain.readable.loadUInt64(at: 0),
      let sector = chain.readable.loadUInt64(at: 8)
    else { return refuseFraming() }
    // The upper half of the first word is the I/O priority, which nothing here uses.
    switch UInt32(truncatingIfNeeded: first) {
    case BlockRequestType.read:
      kind = .read
      let status = read(&chain, sector, count: room, &scratch)
      if status == .ok { dataWritten = room }
      return status
    case BlockRequestType.write:
      kind = .write
      return write(&chain, sector, count: chain.readableByteCount - Self.headerSize, &scratch)
    case BlockRequestType.flush:
      return flush()
    case BlockRequestType.getID:
      guard room > 0 else { return refuseFraming() }
      dataWritten = unsafe chain.writable.storeBytes(
        identity.span.extracting(first: min(room, Self.identitySize)).bytes, at: 0)
      counters.getIDs.add(1)
      return .ok
    default:
      counters.unsupported.add(1)
      return .unsupported
    }
  }

  private func read(
    _ chain: inout DescriptorChain, _ sector: UInt64, count: Int, _ scratch: inout IOVecList
  ) -> BlockStatus {
    guard count % Self.sectorSize == 0 else { return refuseFraming() }
    guard let position = position(of: sector, count) else { return refuseRange() }
    let extent = BlockBacking.Extent(offset: 0, count: count, position: position)
    let result = backing.read(extent, into: chain.writable, scratch: &scratch)
    counters.faultsInjected.add(result.injected)
    guard result.succeeded else { return failBacking() }
    counters.reads.add(1)
    counters.bytesRead.add(UInt64(count))
    return .ok
  }

  private func write(
    _ chain: inout DescriptorChain, _ sector: UInt64, count: Int, _ scratch: inout IOVecList
  ) -> BlockStatus {
    guard !backing.isReadOnly, count % Self.sectorSize == 0 else { return refuseFraming() }
    guard let position = position(of: sector, count) else { return refuseRange() }
    let extent = BlockBacking.Extent(offset: Self.headerSize, count: count, position: position)
    var result = backing.write(extent, from: chain.readable, scratch: &scratch)
    if result.succeeded && writesThrough {
      let flushed = backing.flush()
      result.succeeded = flushed.succeeded
      result.injected += flushed.injected
    }
    counters.faultsInjected.add(result.injected)
    guard result.succeeded else { return failBacking() }
    counters.writes.add(1)
    counters.bytesWritten.add(UInt64(count))
    return .ok
  }

  private func flush() -> BlockStatus {
    let result = backing.flush()
    counters.faultsInjected.add(result.injected)
    guard result.succeeded else { return failBacking() }
    counters.flushes.add(1)
    return .ok
  }

  /// Where on the disk a request begins, in bytes; nil when it does not lie on the disk.
  private func position(of sector: UInt64, _ count: Int) -> UInt64? {
    let sectors = UInt64(count / Self.sectorSize)
    // Compared by subtraction: `sector + sectors` and `sector * 512` could wrap.
    guard sector <= sectorCount, sectors <= sectorCount - sector else { return nil }
    return sector * UInt64(Self.sectorSize)
  }

  private func refuseFraming() -> BlockStatus {
    counters.framingErrors.add(1)
    return .ioError
  }

  private func refuseRange() -> BlockStatus {
    counters.outOfRangeErrors.add(1)
    return .ioError
  }

  private func failBacking() -> BlockStatus {
    counters.backingErrors.add(1)
    return .ioError
  }
}
