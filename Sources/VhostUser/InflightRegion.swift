import GuestMemory
import HostOS
import Virtio

/// The memory in which a frontend keeps, across the life of backends, which requests are in flight
/// (vhost-user, "Inflight I/O tracking").
///
/// One ``InflightRecord`` for each queue, one after the other.
final class InflightRegion: Sendable {
  /// What the messages say of it.
  struct Description: Equatable {
    /// Bytes of these fields; some frontends send four more, to round up.
    static let byteCount = 20

    var size: UInt64
    var offset: UInt64
    var queueCount: UInt16
    var queueSize: UInt16

    init(size: UInt64, offset: UInt64, queueCount: UInt16, queueSize: UInt16) {
      self.size = size
      self.offset = offset
      self.queueCount = queueCount
      self.queueSize = queueSize
    }

    init(_ payload: inout PayloadReader) throws(VhostUserError) {
      size = try payload.uint64()
      offset = try payload.uint64()
      let counts = try payload.uint32()
      queueCount = UInt16(truncatingIfNeeded: counts)
      queueSize = UInt16(truncatingIfNeeded: counts >> 16)
    }

    /// The payload, as long as the question was.
    func payload(count: Int) -> [UInt8] {
      var writer = PayloadWriter()
      writer.append(size)
      writer.append(offset)
      writer.append(UInt32(queueCount) | UInt32(queueSize) << 16)
      return writer.bytes + [UInt8](repeating: 0, count: max(0, count - Self.byteCount))
    }

    /// Bytes of one queue's stretch.
    var stride: UInt64 { UInt64(InflightRecord.byteCount(queueSize: queueSize)) }

    /// Bytes of all of them.
    var neededSize: UInt64 { stride * UInt64(queueCount) }
  }

  let description: Description
  /// The region from address zero on, safe to touch even when its owner cuts the file.
  let memory: GuestMemoryMap

  /// Maps the region that a frontend hands over.
  ///
  /// - Throws: ``VhostUserError/inflightRegion(size:queueCount:queueSize:)``, `memory`.
  init(
    mapping descriptor: CInt, _ description: Description, device queueCount: Int
  ) throws(VhostUserError) {
    try Self.check(description, queueCount)
    guard description.size >= description.neededSize else { throw Self.misfit(description) }
    do throws(GuestMemoryError) {
      memory = try GuestMemoryMap([
        try GuestRegion(
          mapping: descriptor, fileOffset: description.offset, at: GuestAddress(0),
          size: description.neededSize)
      ])
    } catch {
      throw .memory(error)
    }
    self.description = description
    // One that does not begin where words may begin is found now, not by its first ring.
    _ = try record(ofQueue: 0)
  }

  /// Makes a fresh file, all zeroes, for a frontend to keep and to hand over.
  ///
  /// - Throws: ``VhostUserError/inflightRegion(size:queueCount:queueSize:)``, `system`.
  static func makeFile(
    for wish: Description, device queueCount: Int
  ) throws(VhostUserError) -> MemoryFile {
    try check(wish, queueCount)
    do throws(SystemCallError) {
      return try MemoryFile(name: "vhost-user-inflight", size: wish.neededSize)
    } catch {
      throw .system(error)
    }
  }

  /// The record of one queue; nil for a queue that the region is not for.
  ///
  /// - Throws: ``VhostUserError/inflightRegion(size:queueCount:queueSize:)``.
  func record(ofQueue index: Int) throws(VhostUserError) -> InflightRecord? {
    guard index < Int(description.queueCount) else { return nil }
    // Below `neededSize`, which is mapped as one region.
    let start = GuestAddress(description.stride * UInt64(index))
    guard
      let range = unsafe memory.unsafeView.unsafePrefix(at: start, limit: description.stride)
    else { return nil }
    do throws(InflightError) {
      return unsafe try InflightRecord(range, queueSize: description.queueSize, owner: memory)
    } catch {
      throw Self.misfit(description)
    }
  }

  /// Forgets what was in flight, as when the driver starts anew.
  func clear() {
    for index in 0..<Int(description.queueCount) {
      if let record = try? record(ofQueue: index) { record.clear() }
    }
  }

  private static func check(
    _ description: Description, _ available: Int
  ) throws(VhostUserError) {
    guard description.queueCount > 0, Int(description.queueCount) <= available,
      description.queueSize > 0, description.queueSize <= 32_768
    else { throw misfit(description) }
  }

  private static func misfit(_ description: Description) -> VhostUserError {
    .inflightRegion(
      size: description.size, queueCount: description.queueCount,
      queueSize: description.queueSize)
  }
}
