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

/// Atomic access to words at raw addresses that the caller has proved mapped and aligned.
@unsafe
enum AtomicWord {
  static func load8(_ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering) -> UInt8 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt8>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  static func store(
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

  static func load16(_ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering) -> UInt16 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt16>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  static func store(
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

  static func load32(_ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering) -> UInt32 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  static func store(
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

  static func load64(_ address: UnsafeRawPointer, _ ordering: GuestLoadOrdering) -> UInt64 {
    let word = unsafe address.assumingMemoryBound(to: Atomic<UInt64>.self)
    return switch ordering {
    case .relaxed: unsafe word.pointee.load(ordering: .relaxed)
    case .acquiring: unsafe word.pointee.load(ordering: .acquiring)
    case .sequentiallyConsistent:
      unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }
  }

  static func store(
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
}
