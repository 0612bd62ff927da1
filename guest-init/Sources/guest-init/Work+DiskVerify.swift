internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// A disk worker's part of the disk, one block of memory, and what failed in the current pass.
@safe private struct DiskPart: ~Copyable {
  let descriptor: Int32
  let range: Range<UInt64>
  let blockSize: Int
  let block: UnsafeMutableBufferPointer<UInt64>
  /// Offsets whose write failed: what is there is unknown, so it is not compared.
  var unwritten: [UInt64] = []

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
}

extension Worker {
  /// Writes, flushes, reads back and compares its part of the disk, pass by pass.
  ///
  /// It stops when told to, but not before one whole pass. An iteration is one block verified.
  mutating func diskVerify(
    spec: WorkerSpec, seed: UInt64, disk: String, offset: UInt64, bytesPerWorker: UInt64,
    blockSize: UInt32
  ) -> Never {
    let descriptor = unsafe guest_open(disk, Int32(guest_read_write) | Int32(guest_direct))
    guard descriptor >= 0 else { leave(.openDisk, -descriptor) }
    guard let memory = unsafe guest_map_private(Int(blockSize)) else { leave(.memory, 12) }
    let words = Int(blockSize) / 8
    let block = unsafe UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: UInt64.self, capacity: words), count: words)
    // The plan was checked against the disk's size: nothing here overflows.
    let start = offset + UInt64(spec.id.worker) * bytesPerWorker
    var part = unsafe DiskPart(
      descriptor: descriptor, range: start..<start + bytesPerWorker, blockSize: Int(blockSize),
      block: block)
    awaitStart()
    var pass: UInt32 = 0
    repeat {
      let pattern = DiskPattern(
        seed: seed, work: spec.id.work, worker: spec.id.worker, pass: pass)
      if write(pattern, &part, mayStop: pass > 0), verify(pattern, &part, mayStop: pass > 0) {
        fields.fields.passes.wrappingAdd(1, ordering: .relaxed)
      }
      pass &+= 1
    } while !shallStop
    leave()
  }

  private mutating func write(
    _ pattern: DiskPattern, _ part: inout DiskPart, mayStop: Bool
  ) -> Bool {
    part.unwritten.removeAll(keepingCapacity: true)
    for offset in stride(from: part.range.lowerBound, to: part.range.upperBound, by: part.blockSize)
    {
      if mayStop && shallStop { return false }
      unsafe pattern.fill(part.block, at: offset)
      let result = part.transfer(at: offset, isWrite: true)
      if result < 0 {
        part.unwritten.append(offset)
        note(error: result)
      } else {
        fields.fields.bytesWritten.wrappingAdd(UInt64(part.blockSize), ordering: .relaxed)
      }
      checkpoint(0)
    }
    let flushed = guest_flush(part.descriptor)
    if flushed < 0 {
      note(error: Int(flushed))
    } else {
      fields.fields.flushes.wrappingAdd(1, ordering: .relaxed)
    }
    checkpoint(0)
    return true
  }

  private mutating func verify(
    _ pattern: DiskPattern, _ part: inout DiskPart, mayStop: Bool
  ) -> Bool {
    var unwritten = part.unwritten[...]
    for offset in stride(from: part.range.lowerBound, to: part.range.upperBound, by: part.blockSize)
    {
      if mayStop && shallStop { return false }
      if unwritten.first == offset {
        unwritten.removeFirst()
        continue
      }
      let result = part.transfer(at: offset, isWrite: false)
      guard result >= 0 else {
        note(error: result)
        checkpoint(0)
        continue
      }
      fields.fields.bytesVerified.wrappingAdd(UInt64(part.blockSize), ordering: .relaxed)
      if let byte = unsafe pattern.firstMismatch(part.block, at: offset) {
        note(mismatchAt: offset + UInt64(byte))
      }
      checkpoint(1)
    }
    return true
  }

  private func note(error result: Int) {
    fields.fields.lastErrno.store(Int32(truncatingIfNeeded: -result), ordering: .relaxed)
    fields.fields.ioErrors.wrappingAdd(1, ordering: .relaxed)
  }

  private func note(mismatchAt offset: UInt64) {
    fields.fields.mismatchedBlocks.wrappingAdd(1, ordering: .relaxed)
    if fields.fields.firstMismatch.load(ordering: .relaxed) == 0 {
      fields.fields.firstMismatch.store(offset &+ 1, ordering: .relaxed)
    }
  }
}
