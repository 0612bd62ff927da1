/// A transfer that met an end before it was done: a hole, a denial, the end of a slice.
package struct RangeFault: Error, Hashable, Sendable {
  /// Bytes that did move; cursors moved by exactly that.
  package let completed: Int
  /// Why the next byte could not.
  package let cause: GuestMemoryError

  /// Describes where a transfer ended.
  package init(completed: Int, cause: GuestMemoryError) {
    self.completed = completed
    self.cause = cause
  }
}

/// Where a cursor over a range is; shared by the reader and the writer.
struct RangePosition<Memory: VmIO>: Sendable where Memory: Sendable {
  let memory: Memory
  let start: Memory.Place
  var done = 0
  var left: Int

  /// The place of the byte after the cursor.
  ///
  /// - Throws: what is wrong with a range that passes the end of the number range.
  func place(after count: Int = 0) throws(GuestMemoryError) -> Memory.Place {
    guard let place = Memory.place(start, offsetBy: done + count) else {
      throw Memory.overflow(start, count: done + left)
    }
    return place
  }

  mutating func advance(_ count: Int) {
    done += count
    left -= count
  }

  mutating func limit(to count: Int) {
    precondition(count >= 0, "a negative byte count")
    left = min(left, count)
  }

  mutating func skip(_ count: Int) throws(CursorError) {
    guard count >= 0 && count <= left else { throw .tooShort(needed: count, left: left) }
    advance(count)
  }
}

/// A place in a range of any memory, over regions and through translations, which reads move on.
///
/// The range need not be mapped or granted: a copy stops at the first byte that is not, says how
/// many bytes it moved, and moves the cursor by that. Copyable, as ``VmReader`` is.
package struct RangeReader<Memory: VmIO & Sendable>: Sendable {
  private var position: RangePosition<Memory>

  /// Reads `count` bytes from a place on; nothing is checked yet.
  package init(_ memory: Memory, at place: Memory.Place, count: Int) {
    precondition(count >= 0, "a negative byte count")
    position = RangePosition(memory: memory, start: place, left: count)
  }

  /// Bytes between the cursor and the end.
  package var remaining: Int { position.left }

  /// Moves the end so that at most `count` bytes are left.
  package mutating func limit(to count: Int) { position.limit(to: count) }

  /// Moves the cursor without reading.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``.
  package mutating func skip(_ count: Int) throws(CursorError) { try position.skip(count) }

  /// Copies as many bytes as are left and fit; returns how many.
  ///
  /// - Throws: ``RangeFault`` after the bytes before the first that may not be read were moved.
  package mutating func read(
    into destination: inout MutableRawSpan
  ) throws(RangeFault) -> Int {
    let count = min(remaining, destination.byteCount)
    var moved = 0
    while moved < count {
      do throws(GuestMemoryError) {
        var rest = destination._mutatingExtracting(moved..<count)
        let step = try position.memory.readAvailable(at: position.place(), into: &rest)
        position.advance(step)
        moved += step
      } catch {
        throw RangeFault(completed: moved, cause: error)
      }
    }
    return moved
  }

  /// Takes a value, at any alignment.
  ///
  /// - Throws: ``RangeFault``, after which the cursor is where it was; also when fewer bytes are
  ///   left than the value has, with `outOfBounds`.
  package mutating func readValue<Value: GuestValue>(
    _ type: Value.Type = Value.self
  ) throws(RangeFault) -> Value {
    guard Value.byteCount <= remaining else {
      throw RangeFault(
        completed: 0,
        cause: .outOfBounds(
          offset: position.done, count: Value.byteCount, length: position.done + remaining))
    }
    let before = position
    do {
      return try Value.reading { bytes throws(RangeFault) in _ = try read(into: &bytes) }
    } catch {
      position = before
      throw error
    }
  }

  /// Copies as many bytes as are left and fit, and moves both cursors by that; returns how many.
  ///
  /// Bytes go through a buffer of a page, upwards.
  ///
  /// - Throws: ``RangeFault`` of either side.
  package mutating func read<Target>(
    into writer: inout RangeWriter<Target>
  ) throws(RangeFault) -> Int {
    let count = min(remaining, writer.available)
    var buffer = [UInt8](repeating: 0, count: min(count, 4096))
    var moved = 0
    while moved < count {
      var ahead = self
      ahead.limit(to: min(buffer.count, count - moved))
      var span = buffer.mutableSpan
      var bytes = unsafe span.mutableBytes
      var got = 0
      var fault: RangeFault?
      do throws(RangeFault) {
        got = try ahead.read(into: &bytes)
      } catch {
        got = error.completed
        fault = error
      }
      do throws(RangeFault) {
        let put = try writer.write(bytes.bytes.extracting(first: got))
        position.advance(put)
        moved += put
      } catch {
        position.advance(error.completed)
        throw RangeFault(completed: moved + error.completed, cause: error.cause)
      }
      if let fault { throw RangeFault(completed: moved, cause: fault.cause) }
    }
    return moved
  }
}

/// A place in a range of any memory, over regions and through translations, which writes move on.
///
/// As ``RangeReader``, but not copyable.
package struct RangeWriter<Memory: VmIO & Sendable>: ~Copyable, Sendable {
  private var position: RangePosition<Memory>

  /// Writes `count` bytes from a place on; nothing is checked yet.
  package init(_ memory: Memory, at place: Memory.Place, count: Int) {
    precondition(count >= 0, "a negative byte count")
    position = RangePosition(memory: memory, start: place, left: count)
  }

  /// Bytes between the cursor and the end.
  package var available: Int { position.left }

  /// Moves the end so that at most `count` bytes of room are left.
  package mutating func limit(to count: Int) { position.limit(to: count) }

  /// Moves the cursor without writing.
  ///
  /// - Throws: ``CursorError/tooShort(needed:left:)``.
  package mutating func skip(_ count: Int) throws(CursorError) { try position.skip(count) }

  /// Copies as many bytes as there is room for; returns how many.
  ///
  /// - Throws: ``RangeFault`` after the bytes before the first that may not be written were moved.
  package mutating func write(_ source: RawSpan) throws(RangeFault) -> Int {
    let count = min(available, source.byteCount)
    var moved = 0
    while moved < count {
      do throws(GuestMemoryError) {
        let rest = source.extracting(moved..<count)
        let step = try position.memory.writeAvailable(rest, at: position.place())
        position.advance(step)
        moved += step
      } catch {
        throw RangeFault(completed: moved, cause: error)
      }
    }
    return moved
  }

  /// Puts a value, at any alignment.
  ///
  /// - Throws: ``RangeFault`` before a byte is touched, with `completed` zero.
  package mutating func writeValue<Value: GuestValue>(_ value: Value) throws(RangeFault) {
    do throws(GuestMemoryError) {
      guard Value.byteCount <= available else {
        throw .outOfBounds(
          offset: position.done, count: Value.byteCount, length: position.done + available)
      }
      try position.memory.writeValue(value, at: position.place())
    } catch {
      throw RangeFault(completed: 0, cause: error)
    }
    position.advance(Value.byteCount)
  }

  /// Writes at most `count` zeros, as many as there is room for; returns how many.
  ///
  /// - Throws: as ``write(_:)``.
  package mutating func fillZeros(_ count: Int) throws(RangeFault) -> Int {
    precondition(count >= 0, "a negative byte count")
    let zeros = [UInt8](repeating: 0, count: min(count, available, 4096))
    let wanted = min(count, available)
    var filled = 0
    while filled < wanted {
      let part = unsafe zeros.span.bytes.extracting(first: min(zeros.count, wanted - filled))
      do throws(RangeFault) {
        filled += try write(part)
      } catch {
        throw RangeFault(completed: filled + error.completed, cause: error.cause)
      }
    }
    return filled
  }
}
