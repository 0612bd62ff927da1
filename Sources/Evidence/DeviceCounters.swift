/// What a block device of ours counted, from outside the guest.
package struct DeviceCounters: Codable, Equatable, Sendable {
  /// Name of the device in the scenario.
  package var device: String
  /// Host monotonic time of the reading, nanoseconds.
  package var monotonic: UInt64
  /// All counters by name, in the order in which the device lists them.
  package var counts: [Count]

  /// One counter.
  package struct Count: Codable, Equatable, Sendable {
    /// Name, such as `bytesRead`.
    package var name: String
    /// Value since the device was made.
    package var value: UInt64

    /// Makes a counter.
    package init(name: String, value: UInt64) {
      self.name = name
      self.value = value
    }
  }

  /// Makes a reading.
  package init(device: String, monotonic: UInt64, counts: [Count]) {
    self.device = device
    self.monotonic = monotonic
    self.counts = counts
  }

  /// The counter of that name, or nil when the device does not keep it.
  package subscript(name: String) -> UInt64? {
    counts.first { $0.name == name }?.value
  }
}
