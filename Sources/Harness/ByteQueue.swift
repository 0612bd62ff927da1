/// Bytes that wait to be written, first in, first out.
struct ByteQueue: Sendable {
  private var bytes: [UInt8] = []
  private var start = 0

  /// How many wait.
  var count: Int { bytes.count - start }
  /// Whether none waits.
  var isEmpty: Bool { count == 0 }
  /// All that wait, in order.
  var waiting: ArraySlice<UInt8> { bytes[start...] }

  /// Puts bytes at the end.
  mutating func append(_ more: some Sequence<UInt8>) {
    bytes.append(contentsOf: more)
  }

  /// Takes the first ones away.
  mutating func removeFirst(_ count: Int) {
    start += min(count, self.count)
    // Moved only when half is used up, so that each byte is moved about once.
    guard start == bytes.count || start > bytes.count / 2 else { return }
    bytes.removeFirst(start)
    start = 0
  }

  /// Takes all away.
  mutating func removeAll() {
    bytes.removeAll()
    start = 0
  }
}
