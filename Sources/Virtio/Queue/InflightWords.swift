import Synchronization

/// The words of an in-flight record; every function reads or writes each once.
///
/// Stores are releasing: to whoever looks after this process is gone, they happened in the order in
/// which they stand in the program.
///
/// Bounds proof: the record's owner checked that `16 + 16 * count` bytes are mapped at `base`, which
/// is a multiple of eight; every index is compared with `count` before it is used, and what lies
/// beyond is ignored when written and zero when read.
@safe
struct InflightWords: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  let count: UInt16

  @unsafe init(_ base: UnsafeMutableRawPointer, _ count: UInt16) {
    unsafe self.base = base
    self.count = count
  }

  static func byteCount(_ count: UInt16) -> Int { headerSize + entrySize * Int(count) }

  private static var headerSize: Int { @_noLocks get { 16 } }
  private static var entrySize: Int { @_noLocks get { 16 } }

  var version: UInt16 { load16(8) }
  var recordedCount: UInt16 { load16(10) }
  var lastBatchHead: UInt16 { load16(12) }
  var usedIndex: UInt16 { load16(14) }

  @_noLocks
  func storeUsedIndex(_ index: UInt16) { store16(index, 14) }

  /// Notes that the device has a request; `counter` says in which order.
  @_noLocks
  func begin(_ head: UInt16, counter: UInt64) {
    guard head < count else { return }
    unsafe RingMemory.word64(entry(head) + 8).pointee.store(counter, ordering: .releasing)
    unsafe RingMemory.word8(entry(head)).pointee.store(1, ordering: .releasing)
  }

  /// Puts a request in front of the batch that is published next.
  @_noLocks
  func stage(_ head: UInt16) {
    guard head < count else { return }
    unsafe RingMemory.word16(entry(head) + 6).pointee.store(load16(12), ordering: .releasing)
    store16(head, 12)
  }

  /// Notes that the device does not have a request any more.
  @_noLocks
  func end(_ head: UInt16) {
    guard head < count else { return }
    unsafe RingMemory.word8(entry(head)).pointee.store(0, ordering: .releasing)
  }

  /// When the device took the request that it has; nil when it does not have it.
  func counter(of head: UInt16) -> UInt64? {
    guard head < count,
      unsafe RingMemory.word8(entry(head)).pointee.load(ordering: .acquiring) != 0
    else { return nil }
    return unsafe RingMemory.word64(entry(head) + 8).pointee.load(ordering: .relaxed)
  }

  /// The request before this one in its batch.
  func next(of head: UInt16) -> UInt16 {
    guard head < count else { return 0 }
    return unsafe RingMemory.word16(entry(head) + 6).pointee.load(ordering: .relaxed)
  }

  /// Makes a record without requests; the version comes last, so that it is whole or not there.
  func format(usedIndex: UInt16) {
    clear()
    store16(count, 10)
    store16(usedIndex, 14)
    store16(InflightWords.knownVersion, 8)
  }

  /// Makes all zeros.
  func clear() {
    store16(0, 8)
    for offset in stride(from: 0, to: InflightWords.byteCount(count), by: 8) {
      unsafe RingMemory.word64(base + offset).pointee.store(0, ordering: .releasing)
    }
  }

  static let knownVersion: UInt16 = 1

  @_noLocks
  @unsafe private func entry(_ head: UInt16) -> UnsafeMutableRawPointer {
    unsafe base + InflightWords.headerSize + Int(head) &* InflightWords.entrySize
  }

  @_noLocks
  private func load16(_ offset: Int) -> UInt16 {
    unsafe RingMemory.word16(base + offset).pointee.load(ordering: .relaxed)
  }

  @_noLocks
  private func store16(_ value: UInt16, _ offset: Int) {
    unsafe RingMemory.word16(base + offset).pointee.store(value, ordering: .releasing)
  }
}

extension InflightWords {
  /// What a process that takes over finds.
  struct Recovery {
    /// The heads to give out again, in the order in which they were taken.
    var heads: [UInt16] = []
    /// The next number for a request.
    var nextCounter: UInt64 = 1
  }

  /// Settles the last batch against the used ring, and finds what is still to be done.
  ///
  /// May itself be interrupted anywhere and begun again.
  ///
  /// - Returns: nil for a record that had never been used, which now is one without requests.
  func recover(queueSize: UInt16, usedIndex published: UInt16) throws(InflightError) -> Recovery? {
    let version = self.version
    guard version != 0 else {
      format(usedIndex: published)
      return nil
    }
    guard version == InflightWords.knownVersion else { throw .unknownVersion(version) }
    let recordedCount = self.recordedCount
    guard recordedCount == count, count >= queueSize else {
      throw .wrongSize(recorded: recordedCount, expected: max(count, queueSize))
    }
    try settle(published &- usedIndex, queueSize: queueSize)
    storeUsedIndex(published)
    var found: [(head: UInt16, counter: UInt64)] = []
    for head in 0..<queueSize {
      if let counter = counter(of: head) { found.append((head, counter)) }
    }
    found.sort { ($0.counter, $0.head) < ($1.counter, $1.head) }
    // A counter that the peer set to the end of its range starts again: only the order suffers.
    return Recovery(heads: found.map(\.head), nextCounter: (found.last?.counter ?? 0) &+ 1)
  }

  /// Ends the requests of a batch that was published, and perhaps not noted as such.
  private func settle(_ batch: UInt16, queueSize: UInt16) throws(InflightError) {
    guard batch <= queueSize else {
      // An index of another life of the ring, which does not matter when nothing is in flight.
      guard (0..<queueSize).allSatisfy({ counter(of: $0) == nil }) else {
        throw .batchTooLong(batch)
      }
      return
    }
    var head = lastBatchHead
    for _ in 0..<batch {
      guard head < queueSize else { throw .headOutOfRange(head) }
      end(head)
      head = next(of: head)
    }
  }
}
