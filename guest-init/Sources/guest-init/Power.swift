internal import CGuest

/// The end of the machine.
enum Power {
  /// Turns the machine off, or resets it where the kernel cannot; never returns.
  static func off() -> Never {
    Console.enter("power off")
    _ = guest_power(Int32(guest_power_off))
    _ = guest_power(Int32(guest_power_reboot))
    Console.say("the kernel refuses to power off")
    while true { guest_sleep(Time.second) }
  }
}
