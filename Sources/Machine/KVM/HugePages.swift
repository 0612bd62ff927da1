import CLinux
import Glibc
package import GuestMemory
package import HostOS

/// Huge pages for guest memory.
///
/// The tables that translate a guest's addresses (C names: EPT, NPT) are filled page by page, each by
/// an exit to the kernel. What lies in one huge page takes one exit, not 512. Few hosts give memory
/// files huge pages by themselves, but since Linux 6.1 who has such a file may ask for what it holds,
/// whatever the host's settings (`MADV_COLLAPSE`, madvise(2)).
package enum HugePages {
  /// Whether the kernel gives huge pages to shared memory that asks for them
  /// (Documentation/admin-guide/mm/transhuge.rst).
  private static let setting = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

  /// Makes huge pages of all those that lie in a part of a region, even in part.
  ///
  /// They are allocated at once, so this is for what is going to be written anyway.
  ///
  /// - Parameter part: guest addresses; what is not in the region is left out, and so is a last
  ///   piece of the region that is smaller than a huge page.
  /// - Throws: ``SystemCallError`` where not all of them are huge now.
  package static func make(_ part: Range<UInt64>, of region: GuestRegion) throws(SystemCallError) {
    let size = UInt64(Mapping.hugePageSize)
    let base = region.base.rawValue
    let inside = part.clamped(to: base..<base + region.size)
    guard !inside.isEmpty else { return }
    let first = (inside.lowerBound - base) / size
    let end = min((inside.upperBound - base - 1) / size + 1, region.size / size)
    guard first < end else { return }
    // `first` to `end`, in huge pages, lie in the region, which outlives this call.
    let start = unsafe region.unsafeHostBase + Int(first * size)
    // One without a single page is none to the kernel.
    for page in 0..<Int(end - first) {
      try systemCall("madvise") {
        unsafe madvise(start + page * Mapping.hugePageSize, 1, KTSTR_MADV_POPULATE_WRITE)
      }
    }
    try systemCall("madvise") {
      unsafe madvise(start, Int((end - first) * size), KTSTR_MADV_COLLAPSE)
    }
  }

  /// Asks for huge pages everywhere: as memory is touched, where the kernel gives them so, else now.
  ///
  /// - Returns: why there will be none, or nil.
  package static func request(for map: GuestMemoryMap) -> String? {
    do throws(SystemCallError) {
      if areGiven() {
        for region in map.regions {
          // The region's own mapping, which lives as long as the map.
          try systemCall("madvise") {
            unsafe madvise(region.unsafeHostBase, Int(region.size), MADV_HUGEPAGE)
          }
        }
        return nil
      }
      let bytes = map.regions.reduce(0) { $0 + $1.size }
      if let available = HostMemory.available(), available < bytes {
        return "no huge pages: with \(setting) as it is, all of the guest's \(bytes >> 20) MiB "
          + "have to be there at once, and the host has \(available >> 20) MiB"
      }
      for region in map.regions {
        try make(region.base.rawValue..<region.base.rawValue + region.size, of: region)
      }
      return nil
    } catch {
      return "no huge pages, or not everywhere: \(error); \(setting) is neither `advise` nor "
        + "`always`, and the kernel made none of what is there (Linux 6.1 can)"
    }
  }

  private static func areGiven() -> Bool {
    guard let bytes = try? Files.read(setting, limit: 4096) else { return false }
    let chosen = String(decoding: bytes, as: UTF8.self)
      .split(whereSeparator: { $0 == " " || $0 == "\n" })
      .first { $0.hasPrefix("[") }
    return ["[always]", "[within_size]", "[advise]", "[force]"].contains(chosen)
  }
}
