internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// A disk worker's part of the disk, and one block of memory.
@safe struct DiskPart {
  let descriptor: Int32
  let range: Range<UInt64>
  let blockSize: Int
  let block: UnsafeMutableBufferPointer<UInt64>

  /// Blocks of the part.
  var blocks: UInt64 { (range.upperBound - range.lowerBound) / UInt64(blockSize) }

  /// Where a block begins on the disk.
  func offset(ofBlock index: UInt64) -> UInt64 { range.lowerBound + index * UInt64(blockSize) }

  /// Transfers the whole block; returns 0 or a negative errno.
  func transfer(at offset: UInt64, isWrite: Bool) -> Int {
    guard let base = unsafe UnsafeMutableRawPointer(block.baseAddress) else { return -12 }
    var done = 0
    while done < blockSize {
      let place = offset + UInt64(done)
      let count =
        isWrite
        ? unsafe guest_write_at(descriptor, base + done, blockSize - done, place)
        : unsafe guest_read_at(descriptor, base + done, blockSize - done, place)
      guard count >= 0 else { return count }
      // Nothing moved inside the disk: EIO.
      guard count > 0 else { return -5 }
      done += count
    }
    return 0
  }

  /// Fills the block with what a pattern has there.
  func fill(_ pattern: DiskPattern, at offset: UInt64) { unsafe pattern.fill(block, at: offset) }

  /// The first byte that is not what the pattern has there, or nil.
  func firstMismatch(_ pattern: DiskPattern, at offset: UInt64) -> Int? {
    unsafe pattern.firstMismatch(block, at: offset)
  }
}

extension Worker {
  /// Opens the worker's part of the disk, past the page cache.
  func openPart(_ area: DiskArea) -> DiskPart {
    guard let disk = group.disk else { leave(.openDisk, 2) }
    let descriptor = unsafe guest_open(disk.path, Int32(guest_read_write) | Int32(guest_direct))
    guard descriptor >= 0 else { leave(.openDisk, -descriptor) }
    guard let memory = unsafe guest_map_private(Int(area.blockSize)) else { leave(.memory, 12) }
    let words = Int(area.blockSize) / 8
    let block = unsafe UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: UInt64.self, capacity: words), count: words)
    // The plan was checked against the disk's size: nothing here overflows.
    let start = area.offset + UInt64(number) * area.bytesPerWorker
    return unsafe DiskPart(
      descriptor: descriptor, range: start..<start + area.bytesPerWorker,
      blockSize: Int(area.blockSize), block: block)
  }

  /// Goes through its part from front to back, again and again.
  mutating func diskSequential(_ area: DiskArea, _ operation: WorkKind.DiskOperation) -> Never {
    let part = openPart(area)
    awaitStart()
    var isWriting = operation != .read
    while !shallStop {
      var index: UInt64 = 0
      while index < part.blocks && !shallStop {
        access(part, block: index, isWrite: isWriting)
        index += 1
      }
      fields.fields.passes.wrappingAdd(1, ordering: .relaxed)
      if operation == .mixed { isWriting.toggle() }
    }
    leave()
  }

  /// Reads and writes blocks of its part at random.
  mutating func diskRandom(_ area: DiskArea, writePercent: UInt32) -> Never {
    let part = openPart(area)
    awaitStart()
    while !shallStop {
      let index = random.next(below: part.blocks)
      access(part, block: index, isWrite: random.next(below: 100) < UInt64(writePercent))
    }
    leave()
  }

  /// Writes a block and waits until the disk has it for good; the latency is that of both.
  mutating func diskSyncConvoy(_ area: DiskArea) -> Never {
    let part = openPart(area)
    awaitStart()
    var index: UInt64 = 0
    while !shallStop {
      let asked = Time.now
      let written = part.transfer(at: part.offset(ofBlock: index), isWrite: true)
      if written < 0 { note(error: written) }
      let flushed = guest_flush(part.descriptor)
      if flushed < 0 { note(error: Int(flushed)) }
      if written == 0 && flushed == 0 {
        recordRequest(Time.now - asked)
        fields.fields.flushes.wrappingAdd(1, ordering: .relaxed)
        wrote(UInt64(part.blockSize))
      }
      checkpoint(written == 0 && flushed == 0 ? 1 : 0)
      index = (index + 1) % part.blocks
    }
    leave()
  }

  private mutating func access(_ part: DiskPart, block: UInt64, isWrite: Bool) {
    let asked = Time.now
    let result = part.transfer(at: part.offset(ofBlock: block), isWrite: isWrite)
    guard result == 0 else {
      note(error: result)
      checkpoint(0)
      return
    }
    recordRequest(Time.now - asked)
    if isWrite { wrote(UInt64(part.blockSize)) } else { count(UInt64(part.blockSize)) }
    checkpoint(1)
  }

  private mutating func wrote(_ bytes: UInt64) {
    fields.fields.bytesWritten.wrappingAdd(bytes, ordering: .relaxed)
    count(bytes)
  }

  /// Counts a request that failed.
  func note(error result: Int) {
    fields.fields.lastErrno.store(Int32(truncatingIfNeeded: -result), ordering: .relaxed)
    fields.fields.ioErrors.wrappingAdd(1, ordering: .relaxed)
  }
}
