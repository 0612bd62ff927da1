/// One port of a console device.
package struct ConsolePortOptions: Sendable {
  /// How the guest's user knows it: `/dev/virtio-ports/NAME` under udev; UTF-8 without NUL.
  package var name: String
  /// Whether the guest uses it as a console (`hvcN`), rather than as a plain port (`vportNpM`).
  package var isConsole: Bool
  /// Where the guest's output goes; nil discards and counts it.
  package var sink: (any ConsoleSink)?
  /// Where the guest's input comes from; nil never has any.
  package var source: (any ConsoleSource)?
  /// Size of the screen in characters, of interest for consoles only.
  package var columns: UInt16
  /// Size of the screen in characters, of interest for consoles only.
  package var rows: UInt16

  /// Describes a port.
  package init(
    name: String = "", isConsole: Bool = false, sink: (any ConsoleSink)? = nil,
    source: (any ConsoleSource)? = nil, columns: UInt16 = 80, rows: UInt16 = 25
  ) {
    self.name = name
    self.isConsole = isConsole
    self.sink = sink
    self.source = source
    self.columns = columns
    self.rows = rows
  }

  /// Bytes in a name at most.
  package static let maximumNameLength = 255
}

extension VirtioFeatures {
  /// The size of the screen is given.
  ///
  /// C name: `VIRTIO_CONSOLE_F_SIZE`.
  package static let consoleSize = VirtioFeatures(rawValue: 1 << 0)
  /// There is more than one port, and control queues.
  ///
  /// C name: `VIRTIO_CONSOLE_F_MULTIPORT`.
  package static let consoleMultiport = VirtioFeatures(rawValue: 1 << 1)
  /// A byte can be written without any driver.
  ///
  /// C name: `VIRTIO_CONSOLE_F_EMERG_WRITE`.
  package static let consoleEmergencyWrite = VirtioFeatures(rawValue: 1 << 2)
}
