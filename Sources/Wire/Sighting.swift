/// A CPU on which something happened to a worker, and when.
package struct Sighting: Equatable, Sendable {
  /// The most that a report has.
  package static let maximumCount = 64

  /// The CPU.
  package var cpu: UInt32
  /// When, after the common start of the worker's group, in nanoseconds.
  package var nanoseconds: UInt64

  /// Makes a sighting.
  package init(cpu: UInt32, nanoseconds: UInt64) {
    self.cpu = cpu
    self.nanoseconds = nanoseconds
  }

  func encode(into body: inout ByteWriter) {
    body.uint32(cpu)
    body.uint64(nanoseconds)
  }

  init(from body: inout ByteReader) throws(WireError) {
    self.init(cpu: try body.uint32(), nanoseconds: try body.uint64())
  }
}
