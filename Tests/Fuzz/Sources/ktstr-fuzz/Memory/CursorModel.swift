/// The pages of a mapped file that others may cut: what is there, what is gone, and what a zeroed
/// page has taken the place of.
struct CursorModel {
  static let pageSize = 4096

  private enum Page {
    case file, lost, replaced
  }

  /// Bytes as this process sees them, from the start of the first page on.
  private(set) var bytes: [UInt8]
  private var pages: [Page]
  /// The length that the file has been cut to.
  private(set) var fileSize: Int

  init(pages count: Int) {
    bytes = [UInt8](repeating: 0, count: count * Self.pageSize)
    pages = Array(repeating: .file, count: count)
    fileSize = bytes.count
  }

  /// The file becomes shorter: whole pages go, and the rest of the last one becomes zero.
  mutating func cut(to size: Int) {
    guard size < fileSize else { return }
    fileSize = size
    for page in pages.indices where pages[page] == .file {
      let start = page * Self.pageSize
      if start >= size { pages[page] = .lost }
      for offset in max(start, size)..<max(size, start + Self.pageSize) { bytes[offset] = 0 }
    }
  }

  /// How many bytes from a place on can be touched without a fault, `limit` at most.
  func reach(_ place: Int, limit: Int) -> Int {
    var page = place / Self.pageSize
    while page < pages.count && pages[page] != .lost { page += 1 }
    return min(limit, max(0, page * Self.pageSize - place))
  }

  /// Touches a range as code does that does not know of faults.
  mutating func touch(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    for page in range.lowerBound / Self.pageSize...(range.upperBound - 1) / Self.pageSize
    where pages[page] == .lost {
      pages[page] = .replaced
    }
  }

  mutating func write(_ values: ArraySlice<UInt8>, at place: Int) {
    bytes.replaceSubrange(place..<place + values.count, with: values)
  }
}
