import Glibc
import GuestMemory
import HostOS
import SystemPackage

/// Huge pages for guest memory.
enum HugePages {
  /// Whether the kernel gives huge pages to shared memory that asks for them
  /// (Documentation/admin-guide/mm/transhuge.rst).
  private static let setting = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

  /// Asks for huge pages; why there will be none, or nil.
  static func request(for map: GuestMemoryMap) -> String? {
    guard let bytes = try? Files.read(setting, limit: 4096) else {
      return "no huge pages: this kernel has no \(setting)"
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let chosen = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
      .first { $0.hasPrefix("[") }?.dropFirst().dropLast()
    guard let chosen, chosen != "never", chosen != "deny" else {
      return "no huge pages: \(setting) is \(chosen ?? "unreadable"), `advise` or `always` needed"
    }
    do throws(SystemCallError) {
      for region in map.regions {
        // The region's own mapping, which lives as long as the map.
        try systemCall("madvise") {
          unsafe madvise(region.unsafeHostBase, Int(region.size), MADV_HUGEPAGE)
        }
      }
      return nil
    } catch {
      return "no huge pages: \(error)"
    }
  }
}
