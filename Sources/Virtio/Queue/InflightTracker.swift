/// What a queue needs beside the record of its requests in flight, if it has one.
///
/// The batch is remembered here as well: the record is the peer's to change.
/// Bounds proof: `staged` has room for each head of the queue once, and the queue's ledger lets each
/// be staged once in a batch; `stagedCount` is compared with `capacity` all the same.
@safe
struct InflightTracker: ~Copyable, @unchecked Sendable {
  /// Whether there is a record.
  let isActive: Bool
  private let words: InflightWords?
  private let staged: UnsafeMutablePointer<UInt16>
  private let capacity: Int
  private var stagedCount = 0
  private var counter: UInt64

  init(_ words: InflightWords?, size: UInt16, counter: UInt64) {
    self.words = words
    isActive = words != nil
    self.counter = counter
    capacity = isActive ? Int(size) : 0
    unsafe staged = .allocate(capacity: max(1, capacity))
  }

  deinit {
    unsafe staged.deallocate()
  }

  /// Notes that a request was taken.
  @_noLocks
  @inline(__always)
  mutating func take(_ head: UInt16) {
    guard let words else { return }
    words.begin(head, counter: counter)
    // Not in the life of a machine.
    counter &+= 1
  }

  /// Notes that a request was given back untouched.
  @_noLocks
  func undoTake(_ head: UInt16) {
    words?.end(head)
  }

  /// Notes that a request is part of the next batch.
  @_noLocks
  mutating func stage(_ head: UInt16) {
    guard let words, stagedCount < capacity else { return }
    words.stage(head)
    unsafe staged[stagedCount] = head
    stagedCount &+= 1
  }

  /// Notes that the driver sees the batch.
  @_noLocks
  mutating func endBatch(usedIndex: UInt16) {
    guard let words else { return }
    var index = 0
    while index < stagedCount {
      words.end(unsafe staged[index])
      index &+= 1
    }
    stagedCount = 0
    words.storeUsedIndex(usedIndex)
  }
}
