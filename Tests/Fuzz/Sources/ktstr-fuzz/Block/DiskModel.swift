/// What the disk holds, and what an answer must be, as far as the specification says.
struct DiskModel {
  var bytes: [UInt8]
  let isReadOnly: Bool
  let identity: [UInt8]
  /// What was negotiated; without it these types are unknown.
  var discards = true
  var writesZeroes = true

  struct Expected {
    /// Nil where more than one answer is right.
    var status: UInt8?
    /// What must stand in the writable part before the status.
    var data: [UInt8]?
  }

  // Small, so that the borders are near.
  static let discardSectors: UInt32 = 20
  static let discardSegments: UInt32 = 4
  static let zeroSectors: UInt32 = 12
  static let zeroSegments: UInt32 = 3

  private static let ok: UInt8 = 0
  private static let ioError: UInt8 = 1
  private static let unsupported: UInt8 = 2

  var sectors: Int { bytes.count / 512 }

  /// Carries a request out and says what the device must answer.
  mutating func perform(_ plan: BlockRequestPlan) -> Expected {
    let readable = plan.header + plan.payload
    guard readable.count >= 16 else { return Expected(status: Self.ioError) }
    // What the device sees, which is not what was planned where the header is short.
    let sector = Self.number(readable[8..<16])
    let data = readable.dropFirst(16)
    let type = UInt32(truncatingIfNeeded: Self.number(readable[0..<4]))
    switch type {
    case BlockRequestPlan.read:
      guard let range = range(sector, plan.room) else { return Expected(status: Self.ioError) }
      return Expected(status: Self.ok, data: Array(bytes[range]))
    case BlockRequestPlan.write:
      guard !isReadOnly, let range = range(sector, data.count) else {
        return Expected(status: Self.ioError)
      }
      bytes.replaceSubrange(range, with: data)
      return Expected(status: Self.ok)
    case BlockRequestPlan.flush:
      return Expected(status: Self.ok)
    case BlockRequestPlan.getID:
      guard plan.room > 0 else { return Expected(status: Self.ioError) }
      return Expected(status: Self.ok, data: Array(identity.prefix(plan.room)))
    case BlockRequestPlan.discard where discards, BlockRequestPlan.writeZeroes where writesZeroes:
      return Expected(status: clear(Array(data), isDiscard: type == BlockRequestPlan.discard))
    default:
      return Expected(status: Self.unsupported)
    }
  }

  /// A discard or a request for zeroes: all of its ranges or none.
  private mutating func clear(_ data: [UInt8], isDiscard: Bool) -> UInt8 {
    let most = isDiscard ? Self.discardSegments : Self.zeroSegments
    guard !data.isEmpty, data.count % 16 == 0, data.count / 16 <= Int(most) else {
      return Self.ioError
    }
    var ranges: [Range<Int>] = []
    for start in stride(from: 0, to: data.count, by: 16) {
      let sector = Self.number(data[start..<start + 8])
      let count = UInt32(truncatingIfNeeded: Self.number(data[start + 8..<start + 12]))
      let flags = UInt32(truncatingIfNeeded: Self.number(data[start + 12..<start + 16]))
      guard flags & ~(isDiscard ? 0 : 1) == 0 else { return Self.unsupported }
      guard count <= (isDiscard ? Self.discardSectors : Self.zeroSectors),
        let range = range(sector, Int(count) * 512)
      else { return Self.ioError }
      ranges.append(range)
    }
    for range in ranges { bytes.replaceSubrange(range, with: repeatElement(0, count: range.count)) }
    return Self.ok
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func range(_ sector: UInt64, _ count: Int) -> Range<Int>? {
    guard count % 512 == 0, let start = Int(exactly: sector), start <= sectors,
      count <= bytes.count - 512 * start
    else { return nil }
    return 512 * start..<512 * start + count
  }
}
