import HostOS

/// What of a process's mappings is its own and in RAM: proc_pid_smaps(5), Private_Clean and
/// Private_Dirty.
struct ProcessMemory {
  private var mappings: [(name: String, bytes: UInt64)] = []

  /// Reads `/proc/PID/smaps`.
  init(of pid: CInt) throws {
    let text = String(
      decoding: try Files.read("/proc/\(pid)/smaps", limit: 16 << 20), as: UTF8.self)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let first = words.first else { continue }
      if first == "Private_Clean:" || first == "Private_Dirty:" {
        guard words.count > 1, let kibibytes = UInt64(words[1]), !mappings.isEmpty else { continue }
        mappings[mappings.count - 1].bytes += kibibytes << 10
      } else if first.contains("-"), !first.hasSuffix(":") {
        let name = words.count > 5 ? words[5...].joined(separator: " ") : "anonymous"
        mappings.append((name, 0))
      }
    }
  }

  /// Bytes of all mappings but those whose name holds a text.
  func beside(_ text: String) -> UInt64 {
    mappings.filter { !$0.name.contains(text) }.reduce(0) { $0 + $1.bytes }
  }

  /// The names with the most bytes, but those that hold a text.
  func largest(_ count: Int, beside text: String) -> [(name: String, bytes: UInt64)] {
    var sums: [String: UInt64] = [:]
    for mapping in mappings where !mapping.name.contains(text) {
      sums[mapping.name, default: 0] += mapping.bytes
    }
    let sorted = sums.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.prefix(count).map { (name: $0.key, bytes: $0.value) }
  }
}
