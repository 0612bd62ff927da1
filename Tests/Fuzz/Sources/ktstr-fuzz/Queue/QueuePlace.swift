import GuestMemory
import HostOS
import Virtio

/// Guest memory of one shape, and what a queue needs beside it.
///
/// Made once for all inputs: mapping memory anew for each would take most of the time.
final class QueuePlace {
  let arena: Arena
  let regions: [(start: UInt64, bytes: Range<Int>)]
  /// As the driver sees the memory.
  let map: GuestMemoryMap
  /// The same memory; what a device writes through this is marked.
  let tracked: GuestMemoryMap
  let dirty: DirtyBitmap
  private let record: SharedRecord

  /// Memory of the host that a record of requests in flight is in.
  final class SharedRecord: Sendable {
    static let byteCount = 2048
    private let mapping: Mapping

    init() throws {
      mapping = try Mapping(anonymous: Self.byteCount)
    }

    var range: UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(start: mapping.unsafeBase, count: Self.byteCount)
    }
  }

  private init(_ arena: Arena, _ regions: [(start: UInt64, bytes: Range<Int>)]) throws {
    self.arena = arena
    self.regions = regions
    map = try GuestMemoryMap(regions.map { try arena.region($0.bytes, at: $0.start) })
    dirty = try DirtyBitmap(through: GuestAddress(0xffff))
    tracked = map.tracking(dirty)
    record = try SharedRecord()
  }

  /// The bytes of the record.
  var recordBytes: [UInt8] {
    get { Array(record.range) }
    set { record.range.copyBytes(from: newValue) }
  }

  func makeRecord(size: UInt16) throws -> InflightRecord {
    try InflightRecord(record.range, queueSize: size, owner: record)
  }

  func reset() {
    arena.reset()
    dirty.reset()
    recordBytes = [UInt8](repeating: 0, count: SharedRecord.byteCount)
  }

  nonisolated(unsafe) private static var made: [QueuePlace] = []

  /// One region; two that touch; two with a hole between and the second at the end of all addresses.
  static func all() throws -> [QueuePlace] {
    guard made.isEmpty else { return made }
    let arena = try Arena(size: 0xa100)
    let shapes: [[(start: UInt64, bytes: Range<Int>)]] = [
      [(0, 0..<0xa100)],
      [(0, 0..<0x5004), (0x5004, 0x5004..<0xa100)],
      [(0, 0..<0x8800), (0xffff_ffff_ffff_e700, 0x8800..<0xa100)],
    ]
    made = try shapes.map { try QueuePlace(arena, $0) }
    return made
  }
}
