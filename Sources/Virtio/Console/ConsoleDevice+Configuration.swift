import Synchronization

extension ConsoleDevice {
  /// Where the emergency write goes in the configuration space (virtio 1.2, 5.3.4).
  private static let emergencyOffset = 8

  package var configurationGeneration: UInt32 { control.withLock { $0.generation } }

  package func configuration(at offset: Int, count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    let (columns, rows) = control.withLock { ($0.ports[0].columns, $0.ports[0].rows) }
    // The last field can only be written.
    let space =
      ConsoleMessage.bytes(UInt32(columns), 2) + ConsoleMessage.bytes(UInt32(rows), 2)
      + ConsoleMessage.bytes(UInt32(truncatingIfNeeded: ports.count), 4)
    return (0..<count).map { index in
      let (place, overflow) = offset.addingReportingOverflow(index)
      return !overflow && space.indices.contains(place) ? space[place] : 0
    }
  }

  /// The emergency write: the lowest byte goes out through port 0, whatever the driver has done or
  /// not done before.
  package func writeConfiguration(_ bytes: [UInt8], at offset: Int) -> Bool {
    guard offset == ConsoleDevice.emergencyOffset, bytes.count <= 4, let byte = bytes.first else {
      return false
    }
    let sink = ports[0].endpoints.withLock { $0.sink }
    let isTaken = sink?.takeEmergency(byte) ?? false
    ports[0].counts.add(isTaken ? .emergencyByte : .emergencyRefused)
    return isTaken
  }
}
