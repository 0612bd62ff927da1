import DriverMock
import GuestMemory

/// Where a queue's parts lie, and which guest addresses are memory at all.
struct QueueLayout {
  /// Guest addresses and the arena's offsets of what is mapped there, in order.
  let regions: [(start: UInt64, bytes: Range<Int>)]
  let size: UInt16
  let descriptorTable: Int
  let availableRing: Int
  let usedRing: Int

  struct Unmapped: Error {}

  init(_ driver: MockDriver, regions: [(start: UInt64, bytes: Range<Int>)]) {
    self.regions = regions
    size = driver.size
    // The rings lie in the first region, which begins at guest address 0.
    descriptorTable = Int(driver.descriptorTable.rawValue)
    availableRing = Int(driver.availableRing.rawValue)
    usedRing = Int(driver.usedRing.rawValue)
  }

  var usedEvent: Int { availableRing + 4 + 2 * Int(size) }
  var availableEvent: Int { usedRing + 4 + 8 * Int(size) }

  /// The pieces of the arena behind a range of guest addresses.
  func offsets(_ address: UInt64, _ count: UInt64) throws -> [Range<Int>] {
    var result: [Range<Int>] = []
    var cursor = address
    var left = count
    while left > 0 {
      guard
        let region = regions.first(where: {
          $0.start <= cursor && cursor - $0.start < UInt64($0.bytes.count)
        })
      else { throw Unmapped() }
      let skip = Int(cursor - region.start)
      let piece = min(left, UInt64(region.bytes.count - skip))
      let start = region.bytes.lowerBound + skip
      result.append(start..<start + Int(piece))
      left -= piece
      guard left > 0 else { break }
      let (next, overflow) = cursor.addingReportingOverflow(piece)
      guard !overflow else { throw Unmapped() }
      cursor = next
    }
    return result
  }
}
