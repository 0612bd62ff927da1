internal import CGuest
internal import GuestLogic
internal import Wire

/// Finds the port of the telemetry channel.
enum Port {
  private static let folder = "/sys/class/virtio-ports/"

  /// Waits for the port and opens it; nil when it does not appear in time.
  static func open(within limit: UInt64) -> Int32? {
    Time.poll(for: limit) {
      for name in Files.list(folder)
      where ByteText.word(Files.contents(folder + name + "/name")).isSame(as: Plan.telemetryPort) {
        // The node may be a moment behind its entry in /sys.
        let flags = Int32(guest_write_only) | Int32(guest_nonblocking)
        let descriptor = unsafe guest_open("/dev/" + name, flags)
        if descriptor >= 0 { return descriptor }
      }
      return nil
    }
  }
}
