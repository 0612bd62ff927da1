/// What the disk holds, and what an answer must be, as far as the specification says.
struct DiskModel {
  var bytes: [UInt8]
  let isReadOnly: Bool
  let identity: [UInt8]

  struct Expected {
    /// Nil where more than one answer is right.
    var status: UInt8?
    /// What must stand in the writable part before the status.
    var data: [UInt8]?
  }

  private static let ok: UInt8 = 0
  private static let ioError: UInt8 = 1

  /// Carries a request out and says what the device must answer.
  mutating func perform(_ plan: BlockRequestPlan) -> Expected {
    let readable = plan.header + plan.payload
    guard readable.count >= 16 else { return Expected(status: Self.ioError) }
    // What the device sees, which is not what was planned where the header is short.
    let sector = Self.number(readable[8..<16])
    let data = readable.dropFirst(16)
    switch UInt32(truncatingIfNeeded: Self.number(readable[0..<4])) {
    case BlockRequestPlan.read:
      guard let range = range(sector, plan.room) else { return Expected(status: Self.ioError) }
      return Expected(status: Self.ok, data: Array(bytes[range]))
    case BlockRequestPlan.write:
      guard !isReadOnly, let range = range(sector, data.count) else {
        return Expected(status: Self.ioError)
      }
      bytes.replaceSubrange(range, with: data)
      return Expected(status: Self.ok)
    case BlockRequestPlan.getID where plan.room >= identity.count:
      return Expected(status: Self.ok, data: identity)
    default:
      return Expected()
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func range(_ sector: UInt64, _ count: Int) -> Range<Int>? {
    guard count % 512 == 0, let start = Int(exactly: sector), start <= bytes.count / 512,
      count <= bytes.count - 512 * start
    else { return nil }
    return 512 * start..<512 * start + count
  }
}
