import Boot
package import Virtio

/// What the vCPUs reach by port and memory accesses that the kernel does not answer itself.
///
/// Any vCPU's thread may call. Nothing here waits for anything but a host that does not read the
/// console: I/O happens on the devices' own threads.
package final class Board: Sendable {
  /// What a port write means for the whole machine.
  package enum Consequence: Sendable, Equatable {
    /// Nothing.
    case none
    /// The guest reset itself, which ends it: there is no second boot in a run.
    case reset
    /// The guest powered off.
    case powerOff
  }

  /// The first port of COM1, which has eight.
  package static let serialPorts: UInt16 = 0x3f8
  /// What a port reads as where nothing answers: the bus is pulled up.
  private static let floating: UInt8 = 0xff

  package let serial: SerialPort
  // Kept open as long as the serial port may signal it.
  private let serialLine: EventInterruptLine
  private let windows: [MMIOTransport]
  private let windowsBase: UInt64
  private let windowSize: UInt64
  private let sleepPort: UInt16

  /// Makes a board.
  ///
  /// - Parameters:
  ///   - windows: virtio-mmio devices, each in a window of `windowSize` bytes from `windowsBase` on.
  ///   - sleepPort: the sleep control register, whose enable bit powers off: there is no other
  ///     sleep.
  package init(
    serial: SerialPort, serialLine: EventInterruptLine, windows: [MMIOTransport],
    windowsBase: UInt64, windowSize: UInt64,
    sleepPort: UInt16
  ) {
    self.serial = serial
    self.serialLine = serialLine
    self.windows = windows
    self.windowsBase = windowsBase
    self.windowSize = windowSize
    self.sleepPort = sleepPort
  }

  /// Reads a port; a wide access is one of several ports in a row, as on an ISA bus.
  package func read(port: UInt16, byteCount: Int) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<min(byteCount, 4) {
      let byte = read(port: port &+ UInt16(truncatingIfNeeded: index))
      value |= UInt32(byte) << UInt32(8 * index)
    }
    return value
  }

  /// Writes to a port, or to several in a row.
  package func write(_ value: UInt32, port: UInt16, byteCount: Int) -> Consequence {
    for index in 0..<min(byteCount, 4) {
      let byte = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
      let consequence = write(byte, port: port &+ UInt16(truncatingIfNeeded: index))
      if consequence != .none { return consequence }
    }
    return .none
  }

  /// Reads guest-physical memory that is no RAM; all ones where nothing answers.
  package func read(address: UInt64, byteCount: Int) -> UInt64 {
    guard let (window, offset) = window(at: address) else { return .max }
    return window.load(at: offset, count: byteCount)
  }

  /// Writes to guest-physical memory that is no RAM.
  package func write(_ value: UInt64, address: UInt64, byteCount: Int) {
    guard let (window, offset) = window(at: address) else { return }
    window.store(value, at: offset, count: byteCount)
  }

  private func read(port: UInt16) -> UInt8 {
    switch port {
    case Self.serialPorts...Self.serialPorts + 7: serial.read(port - Self.serialPorts)
    case KeyboardController.data, KeyboardController.command: KeyboardController.read(port)
    default: Self.floating
    }
  }

  private func write(_ value: UInt8, port: UInt16) -> Consequence {
    switch port {
    case Self.serialPorts...Self.serialPorts + 7: serial.write(value, to: port - Self.serialPorts)
    case sleepPort where value & ACPIMachine.Power.sleepEnable != 0: return .powerOff
    case _ where KeyboardController.isReset(value, to: port): return .reset
    default: break
    }
    return .none
  }

  private func window(at address: UInt64) -> (MMIOTransport, UInt64)? {
    guard address >= windowsBase, windowSize > 0 else { return nil }
    let index = (address - windowsBase) / windowSize
    guard index < UInt64(windows.count) else { return nil }
    return (windows[Int(index)], (address - windowsBase) % windowSize)
  }
}
