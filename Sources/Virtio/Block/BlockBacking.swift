import Glibc
package import HostOS
import SystemPackage

/// The bytes behind a block device: an open file, or memory, perhaps with faults on purpose.
package final class BlockBacking: Sendable {
  /// Length in bytes.
  package let byteCount: UInt64
  /// Whether writes are refused.
  package let isReadOnly: Bool
  private let descriptor: OwnedDescriptor
  private let faults: FaultInjector?

  /// Takes an open regular file or block device, as long as it is now.
  ///
  /// - Throws: ``SystemCallError`` from `lseek`.
  package init(
    file: consuming OwnedDescriptor, readOnly: Bool = false, faults: FaultPlan? = nil
  ) throws(SystemCallError) {
    let raw = file.raw
    let end = try systemCall("lseek") { lseek(raw, 0, SEEK_END) }
    byteCount = UInt64(end)
    isReadOnly = readOnly
    descriptor = file
    self.faults = faults.map(FaultInjector.init)
  }

  /// Makes a zero-filled disk in memory.
  ///
  /// - Throws: ``SystemCallError`` from the calls behind ``MemoryFile``.
  package convenience init(
    memory byteCount: UInt64, readOnly: Bool = false, faults: FaultPlan? = nil
  ) throws(SystemCallError) {
    let file = try MemoryFile(name: "ktstr-disk", size: byteCount)
    try self.init(file: try file.descriptor.duplicate(), readOnly: readOnly, faults: faults)
  }

  /// The open file, for looking at the disk from outside.
  package var rawDescriptor: CInt { descriptor.raw }

  /// Ends injected delays at once, now and from now on.
  package func cancelDelays() {
    faults?.cancelDelays()
  }

  /// How one operation went.
  struct Result {
    var succeeded: Bool
    /// Faults that the plan put into it.
    var injected: UInt64
  }

  /// Which bytes move: `count` of them, at `offset` in the buffers and `position` on the disk.
  ///
  /// The caller has checked that they lie on the disk.
  struct Extent {
    var offset: Int
    var count: Int
    var position: UInt64
  }

  /// Fills buffers from the disk.
  func read(
    _ extent: Extent, into buffers: borrowing IOVecList, scratch: inout IOVecList
  ) -> Result {
    move(extent, buffers, &scratch, .read)
  }

  /// Writes buffers to the disk.
  func write(
    _ extent: Extent, from buffers: borrowing IOVecList, scratch: inout IOVecList
  ) -> Result {
    move(extent, buffers, &scratch, .write)
  }

  /// Makes finished writes stable.
  func flush() -> Result {
    var injected: UInt64 = 0
    if let faults {
      let decision = faults.decide(.flush, 0..<0)
      injected = decision.faultCount
      if decision.delayNanoseconds > 0 { faults.sleep(nanoseconds: decision.delayNanoseconds) }
      guard case .none = decision.outcome else {
        return Result(succeeded: false, injected: injected)
      }
    }
    return Result(succeeded: VectoredIO.synchronizeData(rawDescriptor) == 0, injected: injected)
  }

  private func move(
    _ extent: Extent, _ buffers: borrowing IOVecList, _ scratch: inout IOVecList,
    _ operation: FaultPlan.Operation
  ) -> Result {
    scratch.replace(with: buffers, from: extent.offset, count: extent.count)
    defer { scratch.removeAll() }
    guard let faults else {
      return Result(succeeded: transfer(&scratch, extent.position, operation), injected: 0)
    }
    let range = extent.position..<extent.position + UInt64(extent.count)
    let decision = faults.decide(operation, range)
    if decision.delayNanoseconds > 0 { faults.sleep(nanoseconds: decision.delayNanoseconds) }
    var result = Result(succeeded: false, injected: decision.faultCount)
    switch decision.outcome {
    case .error:
      break
    case .short:
      scratch.truncate(to: extent.count / 1024 * 512)
      _ = transfer(&scratch, extent.position, operation)
    case .none:
      result.succeeded = transfer(&scratch, extent.position, operation)
    case .corrupt(let target):
      result.succeeded = transfer(&scratch, extent.position, operation)
      if operation == .read {
        buffers.invertByte(at: extent.offset + Int(target - extent.position))
      } else {
        invertStoredByte(at: target)
      }
    }
    return result
  }

  /// Moves all bytes of the list, in as many calls as it takes; false when the disk did not.
  private func transfer(
    _ list: inout IOVecList, _ start: UInt64, _ operation: FaultPlan.Operation
  ) -> Bool {
    var position = start
    while list.byteCount > 0 {
      guard let place = off_t(exactly: position) else { return false }
      let moved =
        unsafe operation == .read
        ? VectoredIO.read(rawDescriptor, list.unsafeStart, count: list.count, at: place)
        : VectoredIO.write(rawDescriptor, list.unsafeStart, count: list.count, at: place)
      // Zero is the end of a file that was cut: no progress, so no sense in going on.
      guard moved > 0 else { return false }
      list.dropFirst(moved)
      position += UInt64(moved)
    }
    return true
  }

  private func invertStoredByte(at position: UInt64) {
    guard let place = off_t(exactly: position) else { return }
    var byte: UInt8 = 0
    guard unsafe pread(rawDescriptor, &byte, 1, place) == 1 else { return }
    byte = ~byte
    unsafe _ = pwrite(rawDescriptor, &byte, 1, place)
  }
}
