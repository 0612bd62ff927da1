import CLinux
import Synchronization

/// How a load of a guest word is ordered against later accesses.
package enum GuestLoadOrdering: Sendable {
  /// Not at all.
  case relaxed
  /// Later accesses stay after it.
  case acquiring
  /// In the one order that all such accesses agree on.
  case sequentiallyConsistent
}

/// How a store of a guest word is ordered against earlier accesses.
package enum GuestStoreOrdering: Sendable {
  /// Not at all.
  case relaxed
  /// Earlier accesses stay before it.
  case releasing
  /// In the one order that all such accesses agree on.
  case sequentiallyConsistent
}

/// An unsigned integer that memory holds in one machine word: 8, 16, 32 or 64 bits.
///
/// Those four conform and no other type should: an access that could tear cannot be written down.
/// The words below are as they lie in memory, little-endian.
package protocol GuestWord: FixedWidthInteger, UnsignedInteger, GuestValue {
  /// One load at an address that the caller has proved mapped and aligned.
  @unsafe static func unsafeLoad(
    _ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering
  ) -> Self
  /// One store at an address that the caller has proved mapped and aligned.
  @unsafe static func unsafeStore(
    _ value: Self, to address: UnsafeMutableRawPointer, _ ordering: GuestStoreOrdering)
  /// One load at an address where a page may be missing; nil where it is.
  @unsafe static func unsafeTryLoad(_ address: UnsafeRawPointer) -> Self?
  /// One store at an address where a page may be missing; false where it is.
  @unsafe static func unsafeTryStore(_ value: Self, to address: UnsafeMutableRawPointer) -> Bool
}

extension UInt8: GuestWord {
  @unsafe package static func unsafeLoad(
    _ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering
  ) -> UInt8 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt8>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeStore(
    _ value: UInt8, to address: UnsafeMutableRawPointer, _ ordering: GuestStoreOrdering
  ) {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt8>.self)
    switch ordering {
    case .relaxed: unsafe word.pointee.store(value, ordering: .relaxed)
    case .releasing: unsafe word.pointee.store(value, ordering: .releasing)
    case .sequentiallyConsistent:
      unsafe word.pointee.store(value, ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeTryLoad(_ address: UnsafeRawPointer) -> UInt8? {
    let word = unsafe ktstr_try_load1(address)
    return word.faulted == 0 ? UInt8(truncatingIfNeeded: word.value) : nil
  }

  @unsafe package static func unsafeTryStore(
    _ value: UInt8, to address: UnsafeMutableRawPointer
  ) -> Bool {
    unsafe ktstr_try_store1(address, value) == 0
  }
}

extension UInt16: GuestWord {
  @unsafe package static func unsafeLoad(
    _ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering
  ) -> UInt16 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt16>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeStore(
    _ value: UInt16, to address: UnsafeMutableRawPointer, _ ordering: GuestStoreOrdering
  ) {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt16>.self)
    switch ordering {
    case .relaxed: unsafe word.pointee.store(value, ordering: .relaxed)
    case .releasing: unsafe word.pointee.store(value, ordering: .releasing)
    case .sequentiallyConsistent:
      unsafe word.pointee.store(value, ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeTryLoad(_ address: UnsafeRawPointer) -> UInt16? {
    let word = unsafe ktstr_try_load2(address)
    return word.faulted == 0 ? UInt16(truncatingIfNeeded: word.value) : nil
  }

  @unsafe package static func unsafeTryStore(
    _ value: UInt16, to address: UnsafeMutableRawPointer
  ) -> Bool {
    unsafe ktstr_try_store2(address, value) == 0
  }
}

extension UInt32: GuestWord {
  @unsafe package static func unsafeLoad(
    _ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering
  ) -> UInt32 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeStore(
    _ value: UInt32, to address: UnsafeMutableRawPointer, _ ordering: GuestStoreOrdering
  ) {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
    switch ordering {
    case .relaxed: unsafe word.pointee.store(value, ordering: .relaxed)
    case .releasing: unsafe word.pointee.store(value, ordering: .releasing)
    case .sequentiallyConsistent:
      unsafe word.pointee.store(value, ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeTryLoad(_ address: UnsafeRawPointer) -> UInt32? {
    let word = unsafe ktstr_try_load4(address)
    return word.faulted == 0 ? UInt32(truncatingIfNeeded: word.value) : nil
  }

  @unsafe package static func unsafeTryStore(
    _ value: UInt32, to address: UnsafeMutableRawPointer
  ) -> Bool {
    unsafe ktstr_try_store4(address, value) == 0
  }
}

extension UInt64: GuestWord {
  @unsafe package static func unsafeLoad(
    _ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering
  ) -> UInt64 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt64>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeStore(
    _ value: UInt64, to address: UnsafeMutableRawPointer, _ ordering: GuestStoreOrdering
  ) {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt64>.self)
    switch ordering {
    case .relaxed: unsafe word.pointee.store(value, ordering: .relaxed)
    case .releasing: unsafe word.pointee.store(value, ordering: .releasing)
    case .sequentiallyConsistent:
      unsafe word.pointee.store(value, ordering: .sequentiallyConsistent)
    }
  }

  @unsafe package static func unsafeTryLoad(_ address: UnsafeRawPointer) -> UInt64? {
    let word = unsafe ktstr_try_load8(address)
    return word.faulted == 0 ? UInt64(truncatingIfNeeded: word.value) : nil
  }

  @unsafe package static func unsafeTryStore(
    _ value: UInt64, to address: UnsafeMutableRawPointer
  ) -> Bool {
    unsafe ktstr_try_store8(address, value) == 0
  }
}
