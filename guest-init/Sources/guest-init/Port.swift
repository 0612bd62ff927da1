internal import CGuest
internal import GuestLogic
internal import Wire

/// Finds the port of the telemetry channel.
enum Port {
  /// How long the port may take to appear.
  static let limit = 10 * Time.second
  private static let folder = "/sys/class/virtio-ports/"
  private static let driver = "/sys/bus/virtio/drivers/virtio_console"

  /// Says why there is no port.
  static var absence: String {
    guard Files.exists(driver) else { return "no virtio_console driver in this kernel" }
    var seen = ""
    for name in Files.list(folder) {
      seen += " " + ByteText.word(Files.contents(folder + name + "/name"))
    }
    return "no port " + Plan.telemetryPort + " within \(limit / Time.second) s; "
      + (seen.isEmpty ? "no ports at all" : "ports:" + seen)
  }

  /// Waits for the port and opens it; nil when it does not appear in time.
  ///
  /// - Parameter hears: whether the host has something to say, too.
  static func open(within limit: UInt64, hears: Bool = false) -> Int32? {
    // Modules are loaded by now: a driver that is not there will not come.
    Time.poll(for: Files.exists(driver) ? limit : 0) {
      for name in Files.list(folder)
      where ByteText.word(Files.contents(folder + name + "/name")).isSame(as: Plan.telemetryPort) {
        // The node may be a moment behind its entry in /sys.
        let way = hears ? Int32(guest_read_write) : Int32(guest_write_only)
        let flags = way | Int32(guest_nonblocking)
        let descriptor = unsafe guest_open("/dev/" + name, flags)
        if descriptor >= 0 { return descriptor }
      }
      return nil
    }
  }
}
