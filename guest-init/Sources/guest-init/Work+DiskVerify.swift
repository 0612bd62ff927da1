internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

extension Worker {
  /// Writes, flushes, reads back and compares its part of the disk, pass by pass.
  ///
  /// It stops when told to, but not before one whole pass. An iteration is one block verified.
  mutating func diskVerify(_ area: DiskArea) -> Never {
    let part = openPart(area)
    // Offsets whose write failed: what is there is unknown, so it is not compared.
    var unwritten: [UInt64] = []
    awaitStart()
    // Never the pattern of an earlier start: what that left would be taken for written.
    let first = fields.fields.nextPass.load(ordering: .relaxed)
    var pass = first
    repeat {
      fields.fields.nextPass.store(pass &+ 1, ordering: .relaxed)
      let pattern = DiskPattern(
        seed: group.seed, work: spec.id.work, worker: spec.id.worker, pass: pass)
      if write(pattern, part, &unwritten, mayStop: pass != first),
        verify(pattern, part, unwritten, mayStop: pass != first)
      {
        fields.fields.passes.wrappingAdd(1, ordering: .relaxed)
      }
      pass &+= 1
    } while !shallStop
    leave()
  }

  private mutating func write(
    _ pattern: DiskPattern, _ part: DiskPart, _ unwritten: inout [UInt64], mayStop: Bool
  ) -> Bool {
    unwritten.removeAll(keepingCapacity: true)
    for offset in stride(from: part.range.lowerBound, to: part.range.upperBound, by: part.blockSize)
    {
      if mayStop && shallStop { return false }
      part.fill(pattern, at: offset)
      let result = part.transfer(at: offset, isWrite: true)
      if result < 0 {
        unwritten.append(offset)
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
    _ pattern: DiskPattern, _ part: DiskPart, _ failed: [UInt64], mayStop: Bool
  ) -> Bool {
    var unwritten = failed[...]
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
      if let byte = part.firstMismatch(pattern, at: offset) {
        note(mismatchAt: offset + UInt64(byte))
      }
      checkpoint(1)
    }
    return true
  }

  private func note(mismatchAt offset: UInt64) {
    fields.fields.mismatchedBlocks.wrappingAdd(1, ordering: .relaxed)
    if fields.fields.firstMismatch.load(ordering: .relaxed) == 0 {
      fields.fields.firstMismatch.store(offset &+ 1, ordering: .relaxed)
    }
  }
}
