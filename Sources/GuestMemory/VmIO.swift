/// Memory whose bytes can be read and written at any place.
///
/// A conforming type gives the two transfers that stop where the memory ends, and the check of a
/// whole range; everything else is made of them. A place is an address, or an offset into a slice.
package protocol VmIO: ~Escapable {
  /// Where a byte is.
  associatedtype Place: Sendable

  /// The place `count` bytes further; nil past the end of the number range.
  static func place(_ place: Place, offsetBy count: Int) -> Place?

  /// The first place from this one on that is a multiple of a power of two; nil past the end.
  static func place(_ place: Place, alignedTo alignment: Int) -> Place?

  /// What is wrong with a range that passes the end of the number range.
  static func overflow(_ place: Place, count: Int) -> GuestMemoryError

  /// Proves that every byte of the range grants the access; no bytes need no grant.
  ///
  /// - Throws: the error that an access to the first byte that does not would throw.
  func check(
    _ place: Place, count: Int, for access: MemoryPermissions
  ) throws(GuestMemoryError)

  /// Copies out as many bytes as there are in one piece; returns how many.
  ///
  /// - Throws: when not even one byte could move. No bytes at all is never an error.
  func readAvailable(
    at place: Place, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) -> Int

  /// Copies in as many bytes as there is room for in one piece; returns how many.
  ///
  /// - Throws: as ``readAvailable(at:into:)``.
  func writeAvailable(_ source: RawSpan, at place: Place) throws(GuestMemoryError) -> Int
}

extension VmIO where Self: ~Escapable {
  /// Fills the destination.
  ///
  /// - Throws: ``GuestMemoryError/partial(expected:completed:)`` after the bytes before a hole or a
  ///   border were copied, and what ``readAvailable(at:into:)`` throws when there is none.
  package func read(
    at place: Place, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) {
    let expected = destination.byteCount
    let completed = try readAvailable(at: place, into: &destination)
    guard completed == expected else { throw .partial(expected: expected, completed: completed) }
  }

  /// Copies all of the source.
  ///
  /// - Throws: as ``read(at:into:)``.
  package func write(_ source: RawSpan, at place: Place) throws(GuestMemoryError) {
    let completed = try writeAvailable(source, at: place)
    guard completed == source.byteCount else {
      throw .partial(expected: source.byteCount, completed: completed)
    }
  }

  /// Fills the destination, or touches nothing.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws.
  package func readBytes(
    at place: Place, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) {
    try check(place, count: destination.byteCount, for: .read)
    try read(at: place, into: &destination)
  }

  /// Copies all of the source, or touches nothing.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws.
  package func writeBytes(_ source: RawSpan, at place: Place) throws(GuestMemoryError) {
    try check(place, count: source.byteCount, for: .write)
    try write(source, at: place)
  }

  /// A copy of `count` bytes.
  ///
  /// The range is checked before anything is allocated, so a guest's count cannot exhaust memory.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws.
  package func bytes(at place: Place, count: Int) throws(GuestMemoryError) -> [UInt8] {
    try check(place, count: count, for: .read)
    var result = [UInt8](repeating: 0, count: count)
    var span = result.mutableSpan
    var room = unsafe span.mutableBytes
    try read(at: place, into: &room)
    return result
  }

  /// Copies an array of bytes in.
  ///
  /// - Throws: as ``write(_:at:)-(RawSpan,_)``.
  package func write(_ source: [UInt8], at place: Place) throws(GuestMemoryError) {
    unsafe try write(source.span.bytes, at: place)
  }
}

// Values

extension VmIO where Self: ~Escapable {
  /// One value, at any alignment; one of 2, 4 or 8 aligned bytes does not tear.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws.
  package func readValue<Value: GuestValue>(
    _ type: Value.Type = Value.self, at place: Place
  ) throws(GuestMemoryError) -> Value {
    try Value.reading { bytes throws(GuestMemoryError) in
      try readBytes(at: place, into: &bytes)
    }
  }

  /// Writes one value, at any alignment, whole or not at all.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws.
  package func writeValue<Value: GuestValue>(
    _ value: Value, at place: Place
  ) throws(GuestMemoryError) {
    try value.withBytes { bytes throws(GuestMemoryError) in
      try writeBytes(bytes, at: place)
    }
  }

  /// `count` values that lie one after another.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws for all of them, before one is read.
  package func readValues<Value: GuestValue>(
    _ type: Value.Type = Value.self, at place: Place, count: Int
  ) throws(GuestMemoryError) -> [Value] {
    precondition(count >= 0, "a negative count of values")
    let (total, overflow) = count.multipliedReportingOverflow(by: Value.byteCount)
    // No memory has more bytes than an `Int` can count.
    try check(place, count: overflow ? .max : total, for: .read)
    var values: [Value] = []
    values.reserveCapacity(count)
    var next: Place? = place
    while values.count < count, let current = next {
      values.append(try readValue(at: current))
      next = Self.place(current, offsetBy: Value.byteCount)
    }
    return values
  }

  /// Writes values one after another, all or none.
  ///
  /// - Throws: what ``check(_:count:for:)`` throws for all of them.
  package func writeValues<Value: GuestValue>(
    _ values: [Value], at place: Place
  ) throws(GuestMemoryError) {
    let (total, overflow) = values.count.multipliedReportingOverflow(by: Value.byteCount)
    try check(place, count: overflow ? .max : total, for: .write)
    _ = try writeValues(values, at: place, alignment: 1)
  }

  /// Writes values, each at a multiple of `alignment`, until one does not fit; returns how many.
  ///
  /// The gaps stay as they were. A sequence without end is fine.
  ///
  /// - Parameter alignment: a power of two, of our own choice and never a guest's; zero and one put
  ///   the values side by side from `place` on.
  /// - Throws: the error of the first value when not even that one fits.
  package func writeValues<Value: GuestValue>(
    _ values: some Sequence<Value>, at place: Place, alignment: Int
  ) throws(GuestMemoryError) -> Int {
    precondition(alignment >= 0 && alignment & (alignment &- 1) == 0, "not a power of two")
    var written = 0
    var end: Place? = place
    for value in values {
      let next = end.flatMap { alignment > 1 ? Self.place($0, alignedTo: alignment) : $0 }
      guard let next else {
        if written > 0 { return written }
        throw Self.overflow(place, count: Value.byteCount)
      }
      do {
        try writeValue(value, at: next)
      } catch {
        if written > 0 { return written }
        throw error
      }
      written += 1
      end = Self.place(next, offsetBy: Value.byteCount)
    }
    return written
  }
}
