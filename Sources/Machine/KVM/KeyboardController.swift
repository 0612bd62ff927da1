/// What is left of the keyboard controller: the line by which the CPU is reset.
///
/// Any thread may call; there is no state.
package enum KeyboardController {
  /// The data port.
  package static let data: UInt16 = 0x60
  /// The status and command port.
  package static let command: UInt16 = 0x64
  /// Pulse output line 0, which is wired to the CPU's reset pin.
  package static let pulseReset: UInt8 = 0xfe

  /// Reads a port: both buffers are always empty.
  package static func read(_ port: UInt16) -> UInt8 { 0 }

  /// Whether a write to a port asks for a reset.
  package static func isReset(_ value: UInt8, to port: UInt16) -> Bool {
    port == command && value == pulseReset
  }
}
