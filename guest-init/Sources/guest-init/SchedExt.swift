internal import CGuest
internal import GuestLogic
internal import Wire

/// What the kernel says of sched_ext.
enum SchedExt {
  private static let directory = "/sys/kernel/sched_ext"

  /// Whether the kernel has it.
  static var isThere: Bool { Files.exists(directory + "/state") }

  /// `disabled`, `enabling`, `enabled` or `disabling`.
  static var state: String { ByteText.word(Files.contents(directory + "/state")) }

  /// What the attached scheduler is called; empty while there is none.
  static var name: String { ByteText.word(Files.contents(directory + "/root/ops")) }

  /// What the kernel has counted of the attached scheduler: its events, as far as the kernel has
  /// any (from 6.15 on), and the tasks that it rejected.
  static var counts: [NamedCount] {
    var counts = KernelTexts.counts(Files.contents(directory + "/root/events"))
    if let rejected = ByteText.numbers(Files.contents(directory + "/nr_rejected")).first {
      counts.append(NamedCount(name: "nr_rejected", count: rejected))
    }
    return counts
  }

  /// Has the kernel put its own scheduler back, whatever state its tasks are in (SysRq-S).
  static func disable() {
    do throws(Failure) { try Files.write("S", to: "/proc/sysrq-trigger") } catch {}
  }

  /// What one reading of the kernel's log may take.
  private static let mostRecords = 20_000
  private static let mostLines = 24

  /// The number of the last record in the kernel's log.
  static var lastRecord: UInt64 {
    var last: UInt64 = 0
    readLog { number, _ in last = max(last, number) }
    return last
  }

  /// What the kernel's log says of sched_ext behind a record, without the tag before each line.
  static func log(behind record: UInt64) -> String {
    var text = ""
    var lines = 0
    let tag = "sched_ext: "
    readLog { number, line in
      guard number > record, line.begins(with: tag), lines < mostLines else { return }
      lines += 1
      text += String(decoding: line.utf8.dropFirst(tag.utf8.count), as: UTF8.self) + "\n"
    }
    return text
  }

  /// Reads `/dev/kmsg`, one record with each call: `level,number,time,flags;text`, and a newline.
  private static func readLog(_ body: (UInt64, String) -> Void) {
    let descriptor = unsafe guest_open(
      "/dev/kmsg", Int32(guest_read_only) | Int32(guest_nonblocking))
    guard descriptor >= 0 else { return }
    defer { guest_close(descriptor) }
    var chunk = [UInt8](repeating: 0, count: 8192)
    for _ in 0..<mostRecords {
      let count = unsafe guest_read(descriptor, &chunk, chunk.count)
      // -32: records were overwritten, and reading goes on with the oldest that there is.
      if count == -32 { continue }
      guard count > 0 else { return }
      let record = chunk[0..<count]
      guard let semicolon = record.firstIndex(of: UInt8(ascii: ";")) else { continue }
      let head = ByteText.numbers(record[record.startIndex..<semicolon])
      let text = record[(semicolon + 1)...].prefix { $0 != UInt8(ascii: "\n") }
      if head.count > 1 { body(head[1], String(decoding: text, as: UTF8.self)) }
    }
  }
}
