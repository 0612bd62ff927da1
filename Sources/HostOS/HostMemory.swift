/// The memory of this host, as `/proc/meminfo` tells it.
package enum HostMemory {
  /// All of it in bytes; nil when the kernel does not say.
  package static func total() -> UInt64? { bytes(of: "MemTotal:") }

  /// What can be had without pushing others out, in bytes; nil when the kernel does not say.
  package static func available() -> UInt64? { bytes(of: "MemAvailable:") }

  /// Why a guest of this size cannot run here; nil when it can.
  package static func unmetNeed(of guestBytes: UInt64) -> String? {
    guard let total = total(), guestBytes > total else { return nil }
    return "the guest asks for \(guestBytes >> 20) MiB of memory, this host has \(total >> 20) MiB"
  }

  private static func bytes(of field: String) -> UInt64? {
    guard let text = try? Files.read("/proc/meminfo", limit: 1 << 16) else { return nil }
    let line = String(decoding: text, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix(field) }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
    guard let kibibytes else { return nil }
    let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
    return overflow ? nil : bytes
  }
}
