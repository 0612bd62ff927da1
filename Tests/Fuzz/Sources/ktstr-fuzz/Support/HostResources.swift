import HostOS

/// What a process can lose that the leak sanitizer does not see.
enum HostResources {
  /// How many descriptors are open.
  static func openDescriptors() -> Int {
    (try? Files.entries(of: "/proc/self/fd").count) ?? 0
  }

  /// How many mappings of memory files there are.
  static func fileMappings() -> Int {
    guard let bytes = try? Files.read("/proc/self/maps", limit: 16 << 20) else { return 0 }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .count { $0.contains("memfd:") }
  }
}
