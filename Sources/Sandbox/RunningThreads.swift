package import HostOS

/// The threads of this process.
package enum RunningThreads {
  /// Flags of threads that the kernel made for its own use in this process, for io_uring and KVM.
  ///
  /// They run no code of ours (linux/sched.h: `PF_IO_WORKER`, `PF_USER_WORKER`).
  private static let kernelFlags: UInt64 = 0x10 | 0x4000

  /// The names of all threads but one that run code of this process.
  package static func names(besides thread: CInt) throws(SystemCallError) -> [String] {
    var names: [String] = []
    for entry in try Files.entries(of: "/proc/self/task") where entry != "\(thread)" {
      // One that ended meanwhile is none.
      guard let bytes = try? Files.read("/proc/self/task/\(entry)/stat", limit: 1 << 16),
        let (name, flags) = parse(String(decoding: bytes, as: UTF8.self)),
        flags & kernelFlags == 0
      else { continue }
      names.append(name)
    }
    return names
  }

  /// Name and flags of a line of proc(5)'s `stat`; nil for one of another form.
  ///
  /// The name stands in parentheses and may hold any byte, parentheses and spaces included. The flags
  /// are the seventh field after it.
  package static func parse(_ line: String) -> (name: String, flags: UInt64)? {
    guard let open = line.firstIndex(of: "("), let close = line.lastIndex(of: ")"), open < close
    else { return nil }
    let fields = line[line.index(after: close)...].split(separator: " ")
    guard fields.count > 6, let flags = UInt64(fields[6]) else { return nil }
    return (String(line[line.index(after: open)..<close]), flags)
  }
}
