internal import CGuest

/// PID 1 of a guest: sets it up, runs the plan, reports, powers off.
@main enum GuestInit {
  static func main() {
    guard guest_pid() == 1 else {
      // Mounting and powering off are no favours to a machine that is not a guest.
      let text = "guest-init runs only as PID 1 of a guest\n"
      _ = unsafe text.utf8.withContiguousStorageIfAvailable { bytes in
        if let base = bytes.baseAddress { _ = unsafe guest_write(2, base, bytes.count) }
      }
      guest_exit(2)
    }
    var guest = Guest(entered: guest_monotonic())
    guest.live()
    Power.off()
  }
}
