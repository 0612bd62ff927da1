import Glibc
import HostOS
import SystemPackage

/// The bytes of one or several whole chains in one row: what readable and writable buffers share.
///
/// Bounds proof: bytes are reached only through the lengths of the entries in `ring`, never past
/// the last one.
struct ChainBuffers: ~Copyable {
  private var ring: BufferRing
  private var chains: ChainRing
  /// Bytes in all chains.
  private(set) var byteCount = 0

  init(capacity: Int) {
    ring = BufferRing(capacity: capacity)
    // A chain without bytes needs an entry here and none in the ring.
    chains = ChainRing(capacity: capacity)
  }

  var capacity: Int { ring.capacity }
  var bufferCount: Int { ring.count }
  var chainCount: Int { chains.count }

  @_noLocks
  mutating func removeAll() {
    ring.removeAll()
    chains.removeAll()
    byteCount = 0
  }

  /// Adds the buffers of a chain; everything is checked before anything is added.
  mutating func append(
    _ list: borrowing IOVecList, head: UInt16
  ) throws(BufferError) -> LoadedChain {
    guard list.count <= capacity - ring.count, chains.count < capacity else {
      throw .tooManyBuffers(capacity: capacity)
    }
    let total = byteCount + list.byteCount
    guard total <= Int(UInt32.max) else { throw .tooLong(byteCount: total) }
    return push(list, head: head)
  }

  /// Takes the buffers of a chain in place of all that is there; the old ones stay on an error.
  mutating func load(
    _ list: borrowing IOVecList, head: UInt16
  ) throws(BufferError) -> LoadedChain {
    guard list.count <= capacity else { throw .tooManyBuffers(capacity: capacity) }
    removeAll()
    return push(list, head: head)
  }

  private mutating func push(_ list: borrowing IOVecList, head: UInt16) -> LoadedChain {
    let start = unsafe list.unsafeStart
    for index in 0..<list.count {
      let entry = unsafe start[index]
      unsafe ring.append(
        UnsafeMutableRawBufferPointer(start: entry.iov_base, count: entry.iov_len))
    }
    byteCount += list.byteCount
    let chain = LoadedChain(
      head: head, byteCount: list.byteCount, bufferCount: list.count)
    chains.append(chain)
    return chain
  }

  @_noLocks
  mutating func dropFirstChain() -> LoadedChain? {
    guard let chain = chains.removeFirst() else { return nil }
    ring.removeFirst(chain.bufferCount)
    byteCount -= chain.byteCount
    return chain
  }

  @_noLocks
  mutating func dropLastChain() -> LoadedChain? {
    guard let chain = chains.removeLast() else { return nil }
    ring.removeLast(chain.bufferCount)
    byteCount -= chain.byteCount
    return chain
  }

  /// Says whether an exact request may begin at an offset.
  @_noLocks
  func checkStart(_ offset: Int, count: Int) throws(BufferError) {
    // Nothing may be moved at the very end, as from an empty slice there.
    guard offset >= 0, offset < byteCount || (offset == byteCount && count == 0) else {
      throw .outOfBounds(offset: offset)
    }
  }

  /// Visits the pieces of a range of bytes in order; returns how many bytes that were.
  @discardableResult
  func walk(
    from offset: Int, count length: Int,
    _ body: (_ base: UnsafeMutableRawPointer, _ count: Int, _ done: Int) -> Void
  ) -> Int {
    guard offset >= 0 else { return 0 }
    let start = unsafe ring.unsafeStart
    var skip = offset
    var done = 0
    var index = 0
    while index < ring.count && done < length {
      let size = unsafe start[index].iov_len
      if skip >= size {
        skip -= size
      } else {
        let piece = min(size - skip, length - done)
        if let base = unsafe start[index].iov_base { unsafe body(base + skip, piece, done) }
        done += piece
        skip = 0
      }
      index += 1
    }
    return done
  }

  /// Hands a range of bytes to a vectored call, in as many calls as the number of buffers takes.
  ///
  /// - Parameter body: moves bytes through the entries and returns how many, or minus the errno;
  ///   `done` bytes have moved before.
  /// - Throws: ``BufferError/system(_:)`` when the first call fails; a later failure, like a call
  ///   that moves less than it could, ends the transfer with what was moved.
  mutating func transfer(
    _ call: StaticString, from offset: Int, count limit: Int,
    _ body: (_ entries: UnsafePointer<iovec>, _ count: Int, _ done: Int) -> Int
  ) throws(BufferError) -> Int {
    guard offset >= 0, offset < byteCount else { return 0 }
    let start = unsafe ring.unsafeStart
    var index = 0
    var skip = offset
    while skip >= ring.byteCount(at: index) {
      skip -= ring.byteCount(at: index)
      index += 1
    }
    let wanted = min(max(0, limit), byteCount - offset)
    var done = 0
    while done < wanted {
      var room = -skip
      var next = index
      while next < ring.count, next - index < VectoredIO.maximumBufferCount, room < wanted - done {
        room += ring.byteCount(at: next)
        next += 1
      }
      let last = next - 1
      // The entries at both ends are cut to the range for the time of the call.
      let (firstEntry, lastEntry) = unsafe (start[index], start[last])
      let surplus = max(0, room - (wanted - done))
      unsafe start[last].iov_len -= surplus
      unsafe start[index].iov_base = unsafe firstEntry.iov_base.map { unsafe $0 + skip }
      unsafe start[index].iov_len -= skip
      let moved = unsafe body(UnsafePointer(start + index), next - index, done)
      unsafe start[last] = unsafe lastEntry
      unsafe start[index] = unsafe firstEntry
      guard moved >= 0 else {
        if done > 0 { return done }
        throw .system(SystemCallError("\(call)", Errno(rawValue: CInt(-moved))))
      }
      done += moved
      guard moved == room - surplus else { break }
      index = next
      skip = 0
    }
    return done
  }
}

/// The chains in a list of buffers, oldest first, in a ring of fixed capacity.
///
/// Bounds proof: `first < capacity` and `count <= capacity`; a position is brought below `capacity`
/// before it indexes.
@safe
private struct ChainRing: ~Copyable, @unchecked Sendable {
  private let slots: UnsafeMutablePointer<LoadedChain>
  private let capacity: Int
  private var first = 0
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe slots = UnsafeMutablePointer<LoadedChain>.allocate(capacity: capacity)
    unsafe slots.initialize(
      repeating: LoadedChain(head: 0, byteCount: 0, bufferCount: 0), count: capacity)
  }

  deinit {
    unsafe slots.deallocate()
  }

  @_noLocks
  mutating func append(_ chain: LoadedChain) {
    precondition(count < capacity, "the ring is full")
    unsafe slots[slot(count)] = chain
    count += 1
  }

  @_noLocks
  mutating func removeFirst() -> LoadedChain? {
    guard count > 0 else { return nil }
    let chain = unsafe slots[first]
    first = slot(1)
    count -= 1
    return chain
  }

  @_noLocks
  mutating func removeLast() -> LoadedChain? {
    guard count > 0 else { return nil }
    count -= 1
    return unsafe slots[slot(count)]
  }

  @_noLocks
  mutating func removeAll() {
    first = 0
    count = 0
  }

  @_noLocks
  private func slot(_ distance: Int) -> Int {
    let position = first + distance
    return position < capacity ? position : position - capacity
  }
}
