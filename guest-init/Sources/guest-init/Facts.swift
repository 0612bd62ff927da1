internal import CGuest
internal import GuestLogic

/// What the guest is made of.
enum Facts {
  /// `uname -r`.
  static var release: String {
    var buffer = [CChar](repeating: 0, count: 65)
    unsafe guest_release(&buffer, buffer.count)
    var bytes: [UInt8] = []
    for byte in buffer where byte != 0 { bytes.append(UInt8(bitPattern: byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// CPUs online.
  static var onlineCPUs: UInt32 {
    ByteText.cpuCount(Files.contents("/sys/devices/system/cpu/online"))
  }

  /// MemTotal in bytes.
  static var memory: UInt64 {
    ByteText.totalMemory(Files.contents("/proc/meminfo"))
  }

  /// The clock source behind `CLOCK_MONOTONIC`.
  static var clockSource: String {
    ByteText.word(
      Files.contents("/sys/devices/system/clocksource/clocksource0/current_clocksource"))
  }
}
