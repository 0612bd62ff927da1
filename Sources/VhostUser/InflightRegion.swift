import GuestMemory
import HostOS

/// The memory in which a frontend keeps, across the life of backends, which requests are in flight
/// (vhost-user, "Inflight I/O tracking").
///
/// One stretch for each queue, each a head of 16 bytes and 16 bytes for each descriptor, rounded up
/// to 64 bytes as other backends have it.
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
    var stride: UInt64 { (16 + 16 * UInt64(queueSize) + 63) & ~63 }

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

  /// Where the stretch of a queue starts; nil for a queue that the region is not for.
  func start(ofQueue index: Int) -> GuestAddress? {
    guard index < Int(description.queueCount) else { return nil }
    // Below `neededSize`, which is mapped.
    return GuestAddress(description.stride * UInt64(index))
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
