internal import CGuest
internal import Synchronization

/// Memory that the workers of a group share: lines of 128 bytes, each a word to wait on and cells
/// for numbers.
///
/// Two cache lines each: processors fetch lines in pairs. All begins as 0.
@safe struct Arena {
  /// Lines of the group as a whole; the workers' own come behind them.
  static let commonLines = 4
  /// Numbers of a line beside its word.
  static let cellsPerLine = 15
  private static let line = 128

  private let base: UnsafeMutableRawPointer
  private let lines: Int

  /// Makes the memory, with `extra` lines behind the workers'; nil when there is none.
  init?(workers: Int, extra: Int) {
    lines = Self.commonLines + workers + extra
    guard let memory = unsafe guest_map_lazy(lines * Self.line, 1) else { return nil }
    unsafe base = memory
  }

  /// Takes the memory out of the caller's address space; the workers have it in theirs.
  func unmap() { unsafe guest_unmap(base, lines * Self.line) }

  /// The line of a worker.
  static func line(of worker: Int) -> Int { commonLines + worker }

  /// The word of a line.
  func word(_ line: Int) -> Word {
    unsafe Word(address(line).assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  /// A number of a line, counted from 0.
  func cell(_ line: Int, _ index: Int) -> Cell {
    precondition(index >= 0 && index < Self.cellsPerLine, "no such cell")
    return unsafe Cell(
      (address(line) + 8 + 8 * index).assumingMemoryBound(to: Atomic<UInt64>.self))
  }

  /// Takes the word of a line as a lock; returns 0 or a negative errno.
  func lock(_ line: Int, inherits: Bool, until deadline: UInt64) -> Int32 {
    unsafe guest_lock(address(line), inherits ? 1 : 0, deadline)
  }

  /// Gives the lock back; returns 0 or a negative errno.
  func unlock(_ line: Int, inherits: Bool) -> Int32 {
    unsafe guest_unlock(address(line), inherits ? 1 : 0)
  }

  private func address(_ line: Int) -> UnsafeMutableRawPointer {
    precondition(line >= 0 && line < lines, "no such line")
    return unsafe base + line * Self.line
  }
}

/// A number in memory that workers share.
@safe struct Cell {
  private let pointer: UnsafeMutablePointer<Atomic<UInt64>>

  fileprivate init(_ pointer: UnsafeMutablePointer<Atomic<UInt64>>) {
    unsafe self.pointer = pointer
  }

  /// The number.
  var value: UInt64 {
    get { unsafe pointer.pointee.load(ordering: .acquiring) }
    nonmutating set { unsafe pointer.pointee.store(newValue, ordering: .releasing) }
  }

  /// Adds, and returns the sum.
  @discardableResult
  func add(_ amount: UInt64) -> UInt64 {
    unsafe pointer.pointee.wrappingAdd(amount, ordering: .acquiringAndReleasing).newValue
  }

  /// Replaces a number if it is still the one expected.
  func replace(_ expected: UInt64, by value: UInt64) -> Bool {
    unsafe pointer.pointee.compareExchange(
      expected: expected, desired: value, ordering: .acquiringAndReleasing
    ).exchanged
  }
}

/// Memory of a worker's own, or of its group, in words.
@safe struct Field {
  private let base: UnsafeMutablePointer<UInt64>
  /// Words of it.
  let count: Int
  private let size: Int

  /// Makes memory of so many bytes, given when it is first touched; nil when there is none.
  init?(bytes: UInt64, isShared: Bool = false) {
    size = Int(clamping: bytes)
    guard let memory = unsafe guest_map_lazy(size, isShared ? 1 : 0) else { return nil }
    count = size / 8
    unsafe base = memory.bindMemory(to: UInt64.self, capacity: count)
  }

  /// Takes the memory out of the caller's address space.
  func unmap() { unsafe guest_unmap(base, size) }

  /// Reads a word and writes it back changed.
  @inline(__always)
  func touch(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "outside of the memory")
    let value = unsafe base[index]
    unsafe base[index] = value &+ 1
    return value
  }

  /// Writes a word.
  ///
  /// A first touch that only read would be given the page of zeroes, and the write behind it would
  /// fault once more.
  @inline(__always)
  func write(_ value: UInt64, at index: Int) {
    precondition(index >= 0 && index < count, "outside of the memory")
    unsafe base[index] = value
  }

  /// Reads a word.
  @inline(__always)
  func read(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "outside of the memory")
    return unsafe base[index]
  }

  /// Has all pages given now.
  func populate() {
    for page in stride(from: 0, to: count, by: 512) { write(UInt64(page), at: page) }
  }

  /// Gives all pages back; returns 0 or a negative errno.
  func discard() -> Int32 { unsafe guest_discard(base, count * 8) }

  /// Binds the memory to a node; returns 0 or a negative errno.
  func bind(to node: UInt32) -> Int32 { unsafe guest_bind_memory(base, count * 8, node) }
}
