import HostOS
import VhostUser
import Virtio

/// The words and numbers of `ktstr blk`, as pure functions.
enum BlkText {
  /// One line about what happened between two readings.
  static func line(from old: BlkReading, to new: BlkReading, frontends: Int) -> String {
    let time = new.time.nanoseconds(since: old.time)
    func rate(_ value: (BlockCounters) -> UInt64) -> UInt64 {
      perSecond(value(new.device) &- value(old.device), time)
    }
    var parts = [
      frontends == 0 ? "no frontend" : "connected",
      "\(count(perSecond(new.requests &- old.requests, time)))/s",
      "read \(bytes(rate { $0.bytesRead }))/s",
      "written \(bytes(rate { $0.bytesWritten }))/s",
      "all \(bytes(new.device.bytesRead)) + \(bytes(new.device.bytesWritten))",
    ]
    if new.device.ioErrors > 0 { parts.append("errors \(count(new.device.ioErrors))") }
    return parts.joined(separator: "  ")
  }

  /// What there was in all.
  static func table(
    _ device: BlockCounters, _ transport: VhostUserCounters, nanoseconds: UInt64
  ) -> [String] {
    var rows: [(String, String)] = [
      ("time", "\(tenths(nanoseconds)) s"),
      ("frontends", count(transport.frontends)),
      ("reads", operation(device.reads, device.bytesRead, device.readLatency)),
      ("writes", operation(device.writes, device.bytesWritten, device.writeLatency)),
      ("flushes", operation(device.flushes, nil, device.flushLatency)),
      ("discards", count(device.discards) + ", " + bytes(device.bytesDiscarded)),
      ("zeroes", count(device.writeZeroes) + ", " + bytes(device.bytesZeroed)),
      ("notifications", count(device.notifications)),
      (
        "interrupts",
        "\(count(device.interruptsSent)), \(count(device.interruptsSuppressed)) not wanted"
      ),
    ]
    if device.ioErrors > 0 {
      rows.append(
        (
          "I/O errors",
          "\(count(device.framingErrors)) by framing, \(count(device.outOfRangeErrors)) past the "
            + "end, \(count(device.backingErrors)) of the file"
        ))
    }
    if device.throttleEvents > 0 {
      rows.append(
        (
          "throttled",
          "\(count(device.throttleEvents)) times, \(tenths(device.throttledNanoseconds)) s"
        ))
    }
    if device.abandoned > 0 { rows.append(("given up", count(device.abandoned))) }
    if device.unsupported > 0 { rows.append(("unsupported", count(device.unsupported))) }
    if device.queueErrors > 0 { rows.append(("broken queues", count(device.queueErrors))) }
    if transport.refusalCount > 0 {
      let kinds = VhostUserRefusal.allCases.compactMap { kind in
        transport.refusals[kind].map { "\(kind.rawValue) \($0)" }
      }
      rows.append(("refused messages", kinds.joined(separator: ", ")))
    }
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { name, value in
      name + String(repeating: " ", count: width + 2 - name.count) + value
    }
  }

  /// A number with thin groups, as 1,234,567.
  static func count(_ value: UInt64) -> String {
    var groups: [String] = []
    var rest = value
    repeat {
      let digits = String(rest % 1000)
      rest /= 1000
      groups.insert(
        rest > 0 ? String(repeating: "0", count: 3 - digits.count) + digits : digits, at: 0)
    } while rest > 0
    return groups.joined(separator: ",")
  }

  /// A number of bytes with one decimal, in powers of 1024.
  static func bytes(_ value: UInt64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    guard value >= 1024 else { return "\(value) B" }
    var index = 0
    var scaled = value
    while scaled >= 1 << 20 {
      scaled >>= 10
      index += 1
    }
    return "\(scaled >> 10).\((scaled & 1023) * 10 >> 10) \(units[index])"
  }

  private static func operation(
    _ number: UInt64, _ size: UInt64?, _ latency: LatencySummary
  ) -> String {
    guard latency.count > 0 else { return count(number) }
    var parts = [count(number)]
    if let size { parts.append(bytes(size)) }
    return parts.joined(separator: ", ") + "; us: mean "
      + "\(microseconds(latency.sum / latency.count)), p50 \(microseconds(latency.p50)), "
      + "p99 \(microseconds(latency.p99)), max \(microseconds(latency.maximum))"
  }

  private static func perSecond(_ value: UInt64, _ nanoseconds: UInt64) -> UInt64 {
    guard nanoseconds > 0 else { return 0 }
    let (high, low) = value.multipliedFullWidth(by: 1_000_000_000)
    // More than 2^64 in a second cannot be counted by these counters.
    guard high < nanoseconds else { return .max }
    return nanoseconds.dividingFullWidth((high, low)).quotient
  }

  private static func microseconds(_ nanoseconds: UInt64) -> String {
    "\(nanoseconds / 1000).\(nanoseconds % 1000 / 100)"
  }

  private static func tenths(_ nanoseconds: UInt64) -> String {
    let value = nanoseconds / 100_000_000
    return "\(value / 10).\(value % 10)"
  }
}
