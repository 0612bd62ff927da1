import Synchronization

/// How often each of a fixed set of things happened; any thread counts, any thread reads.
///
/// Bounds proof: a raw value of `Event` is its place among `allCases`, which `init` checks, and
/// there is a cell for each.
@safe
package final class EventTally<Event>: @unchecked Sendable
where Event: RawRepresentable & CaseIterable & Sendable, Event.RawValue == Int {
  private let cells: UnsafeMutablePointer<Atomic<UInt64>>
  private let count: Int

  /// Nothing has happened yet.
  package init() {
    count = Event.allCases.count
    unsafe cells = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: max(1, count))
    for (index, event) in Event.allCases.enumerated() {
      precondition(event.rawValue == index, "raw values count up from zero")
      unsafe (cells + index).initialize(to: Atomic(0))
    }
  }

  deinit {
    unsafe cells.deinitialize(count: count)
    unsafe cells.deallocate()
  }

  /// Notes that it happened, or that an amount was added.
  package func add(_ event: Event, _ amount: UInt64 = 1) {
    // Expected to wrap, some centuries from now.
    unsafe _ = cells[event.rawValue].wrappingAdd(amount, ordering: .relaxed)
  }

  /// How often it happened.
  package subscript(event: Event) -> UInt64 {
    unsafe cells[event.rawValue].load(ordering: .relaxed)
  }
}
