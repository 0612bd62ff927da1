/// Where a driver's buffers lie: handed out in turns through an area, around those still in use.
struct BufferRoom {
  let bounds: Range<UInt64>
  private var cursor: UInt64
  // In order and without overlap.
  private var reserved: [Range<UInt64>] = []

  init(_ bounds: Range<UInt64>) {
    self.bounds = bounds
    cursor = bounds.lowerBound
  }

  /// A place of `count` bytes at a multiple of 16 that nobody keeps; nil when there is none.
  mutating func find(_ count: Int) -> UInt64? {
    let length = (UInt64(max(0, count)) + 15) & ~15
    for start in [cursor, bounds.lowerBound] {
      var place = start
      while place <= bounds.upperBound, length <= bounds.upperBound - place {
        guard let obstacle = firstReserved(endingAfter: place), obstacle.lowerBound < place + length
        else {
          cursor = place + length
          return place
        }
        place = (obstacle.upperBound + 15) & ~15
      }
    }
    return nil
  }

  /// As `find`, and the place is kept until it is released.
  mutating func reserve(_ count: Int) -> Range<UInt64>? {
    guard let place = find(count) else { return nil }
    let range = place..<place + UInt64(max(0, count))
    if !range.isEmpty { reserved.insert(range, at: insertionIndex(place)) }
    return range
  }

  /// Takes places back.
  mutating func release(_ ranges: [Range<UInt64>]) {
    for range in ranges where !range.isEmpty {
      let index = insertionIndex(range.lowerBound)
      if index < reserved.count, reserved[index] == range { reserved.remove(at: index) }
    }
  }

  private func firstReserved(endingAfter place: UInt64) -> Range<UInt64>? {
    let index = insertionIndex(place)
    if index > 0, reserved[index - 1].upperBound > place { return reserved[index - 1] }
    return index < reserved.count ? reserved[index] : nil
  }

  private func insertionIndex(_ place: UInt64) -> Int {
    var low = 0
    var high = reserved.count
    while low < high {
      let middle = (low + high) / 2
      if reserved[middle].lowerBound < place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
