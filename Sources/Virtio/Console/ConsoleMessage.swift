/// A control message, without what may follow its header (virtio 1.2, 5.3.6.2).
package struct ConsoleMessage: Hashable, Sendable {
  /// What a message is about.
  package enum Event: UInt16, Sendable {
    /// The driver is ready for the device, or has failed: to the device.
    case deviceReady = 0
    /// A port is there: to the driver.
    case portAdd = 1
    /// A port is gone: to the driver.
    case portRemove = 2
    /// The driver is ready for a port, or has failed: to the device.
    case portReady = 3
    /// The port is a console: to the driver.
    case consolePort = 4
    /// The size of a console; columns and rows follow: to the driver.
    case resize = 5
    /// The other side has opened or closed its end: both ways.
    case portOpen = 6
    /// The port's name follows: to the driver.
    case portName = 7
  }

  /// The port's number.
  package var port: UInt32
  /// The wire value of an ``Event``, or not.
  package var event: UInt16
  /// Depends on the event: 1 is yes, 0 no.
  package var value: UInt16

  /// Bytes of the header, all little-endian.
  package static let byteCount = 8

  /// Makes a message.
  package init(port: UInt32, _ event: Event, value: UInt16) {
    self.port = port
    self.event = event.rawValue
    self.value = value
  }

  /// Reads a header; nil when there are too few bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count >= ConsoleMessage.byteCount else { return nil }
    func number(_ range: Range<Int>) -> UInt32 {
      bytes[range].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    port = number(0..<4)
    event = UInt16(truncatingIfNeeded: number(4..<6))
    value = UInt16(truncatingIfNeeded: number(6..<8))
  }

  /// The header as it goes over the wire.
  package var bytes: [UInt8] {
    ConsoleMessage.bytes(port, 4) + ConsoleMessage.bytes(UInt32(event), 2)
      + ConsoleMessage.bytes(UInt32(value), 2)
  }

  static func bytes(_ value: UInt32, _ count: UInt32) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
