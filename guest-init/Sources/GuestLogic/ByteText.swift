/// Reads the small texts of `/proc` and `/sys`, and lists that the host wrote.
package enum ByteText {
  /// The lines that are not blank, without spaces around them; lines that are not UTF-8 are left
  /// out.
  package static func lines(_ bytes: [UInt8]) -> [String] {
    var lines: [String] = []
    for piece in bytes.split(separator: UInt8(ascii: "\n")) {
      let line = trimmed(piece)
      if !line.isEmpty, let text = String(validating: line, as: UTF8.self) { lines.append(text) }
    }
    return lines
  }

  /// The first line without spaces around it, or "".
  package static func word(_ bytes: [UInt8]) -> String {
    lines(bytes).first ?? ""
  }

  /// The decimal numbers of a text, in order; anything else separates them.
  ///
  /// A number that does not fit 64 bits is left out.
  package static func numbers(_ bytes: some Sequence<UInt8>) -> [UInt64] {
    var numbers: [UInt64] = []
    var current: UInt64 = 0
    var digits = 0
    var overflowed = false
    func end() {
      if digits > 0 && !overflowed { numbers.append(current) }
      current = 0
      digits = 0
      overflowed = false
    }
    for byte in bytes {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
        end()
        continue
      }
      let (tens, first) = current.multipliedReportingOverflow(by: 10)
      let (sum, second) = tens.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
      overflowed = overflowed || first || second
      current = sum
      digits += 1
    }
    end()
    return numbers
  }

  /// How many CPUs a kernel CPU list names, such as `0-3,5`; overlaps are counted twice.
  package static func cpuCount(_ bytes: [UInt8]) -> UInt32 {
    var count: UInt64 = 0
    for (first, last) in ranges(bytes) {
      count = count.addingReportingOverflow(last - first &+ 1).partialValue
    }
    return UInt32(clamping: count)
  }

  /// The numbers that a kernel list names, such as `0-3,5`, as far as there are not more than
  /// `limit` of them.
  package static func members(_ bytes: [UInt8], limit: Int) -> [UInt32] {
    var members: [UInt32] = []
    for (first, last) in ranges(bytes) {
      for number in first...last {
        guard members.count < limit else { return members }
        members.append(UInt32(clamping: number))
      }
    }
    return members
  }

  /// First and last of each range of a kernel list.
  private static func ranges(_ bytes: [UInt8]) -> [(first: UInt64, last: UInt64)] {
    var ranges: [(first: UInt64, last: UInt64)] = []
    for range in trimmed(bytes[...]).split(separator: UInt8(ascii: ",")) {
      let ends = numbers(range)
      guard let first = ends.first, let last = ends.last, last >= first else { continue }
      ranges.append((first, last))
    }
    return ranges
  }

  /// The number that a small file holds, or -1 where it holds none or a negative one.
  package static func identifier(_ bytes: [UInt8]) -> Int32 {
    let text = trimmed(bytes[...])
    guard text.first != UInt8(ascii: "-"), let number = numbers(text).first else { return -1 }
    return Int32(clamping: number)
  }

  /// `MemTotal` of `/proc/meminfo` in bytes, or 0.
  package static func totalMemory(_ meminfo: [UInt8]) -> UInt64 {
    for line in meminfo.split(separator: UInt8(ascii: "\n"))
    where line.starts(with: "MemTotal:".utf8) {
      return bytes(ofKibibytes: numbers(line).first)
    }
    return 0
  }

  /// `MemTotal` of a NUMA node's `meminfo` (`Node 0 MemTotal: 1024 kB`) in bytes, or 0.
  package static func nodeMemory(_ meminfo: [UInt8]) -> UInt64 {
    for line in meminfo.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count > 3, words[2].elementsEqual("MemTotal:".utf8) else { continue }
      return bytes(ofKibibytes: numbers(words[3]).first)
    }
    return 0
  }

  private static func bytes(ofKibibytes count: UInt64?) -> UInt64 {
    let (bytes, overflow) = (count ?? 0).multipliedReportingOverflow(by: 1024)
    return overflow ? 0 : bytes
  }

  /// The number behind a name at the start of a line, as in /proc/stat; 0 where there is none.
  package static func value(of name: String, in bytes: [UInt8]) -> UInt64 {
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count > 1, words[0].elementsEqual(name.utf8) else { continue }
      return numbers(words[1]).first ?? 0
    }
    return 0
  }

  /// Nanoseconds that tasks ran on all CPUs: the seventh number of each `cpu` line of
  /// `/proc/schedstat` (Documentation/scheduler/sched-stats.rst, versions 15 to 17).
  package static func schedulerRunTime(_ schedstat: [UInt8]) -> UInt64 {
    var total: UInt64 = 0
    for line in schedstat.split(separator: UInt8(ascii: "\n")) where line.starts(with: "cpu".utf8) {
      let words = line.split(separator: UInt8(ascii: " "))
      if words.count > 7 { total &+= numbers(words[7]).first ?? 0 }
    }
    return total
  }

  /// Time runnable without a CPU, in nanoseconds: the second number of `/proc/<pid>/schedstat`.
  package static func runDelay(_ schedstat: [UInt8]) -> UInt64 {
    let fields = numbers(schedstat)
    return fields.count > 1 ? fields[1] : 0
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = bytes
    while let first = rest.first, isSpace(first) { rest.removeFirst() }
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return rest
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (byte >= 9 && byte <= 13) || byte == 0
  }
}
