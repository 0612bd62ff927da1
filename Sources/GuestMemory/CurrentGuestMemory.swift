import Synchronization

/// The memory map of a guest whose memory comes and goes, as it is now.
///
/// Whoever asks gets a whole map and keeps it as long as it works on it; who changes the memory puts
/// another whole map in its place. Nobody ever sees half of a change, and memory that was taken
/// away stays mapped until the last one who works on it is done.
package final class CurrentGuestMemory: Sendable {
  private let current: Mutex<GuestMemoryMap>

  /// Starts with a map.
  package init(_ map: GuestMemoryMap) {
    current = Mutex(map)
  }

  /// The map as it is now.
  package var map: GuestMemoryMap { current.withLock { $0 } }

  /// Puts what `change` makes of the map in its place; changes come one after another.
  ///
  /// - Throws: what `change` throws, and the map stays.
  package func update(
    _ change: (GuestMemoryMap) throws(GuestMemoryError) -> GuestMemoryMap
  ) throws(GuestMemoryError) {
    try current.withLock { map throws(GuestMemoryError) in map = try change(map) }
  }
}
