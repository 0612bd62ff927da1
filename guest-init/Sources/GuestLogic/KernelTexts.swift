package import Wire

/// Reads what the kernel tells of CPUs, pressure, sched_ext and pages.
package enum KernelTexts {
  /// Nanoseconds of a tick of `USER_HZ`, which is 100 on x86-64 whatever `CONFIG_HZ` is.
  private static let tick: UInt64 = 10_000_000

  /// The times of each CPU in `/proc/stat` (Documentation/filesystems/proc.rst): user, nice, system,
  /// idle, iowait, irq, softirq, steal; time of guests is part of user and nice.
  package static func cpuTimes(_ stat: [UInt8]) -> [CPUTimes] {
    var times: [CPUTimes] = []
    for line in stat.split(separator: UInt8(ascii: "\n")) where line.starts(with: "cpu".utf8) {
      let name = line.prefix { $0 != UInt8(ascii: " ") }
      guard let cpu = ByteText.numbers(name).first, cpu <= UInt64(UInt32.max) else { continue }
      let ticks = ByteText.numbers(line[name.endIndex...])
      guard ticks.count >= 8 else { continue }
      let busy = ticks[0] &+ ticks[1] &+ ticks[2] &+ ticks[5] &+ ticks[6]
      times.append(
        CPUTimes(
          cpu: UInt32(cpu), busy: busy &* tick, idle: (ticks[3] &+ ticks[4]) &* tick,
          steal: ticks[7] &* tick))
    }
    return times
  }

  /// The totals of a pressure file, told there in microseconds; nil where it has none.
  package static func pressure(_ text: [UInt8]) -> (some: UInt64, full: UInt64?)? {
    var some: UInt64?
    var full: UInt64?
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      guard let last = words.last, last.starts(with: "total=".utf8),
        let total = ByteText.numbers(last).first
      else { continue }
      let (nanoseconds, overflow) = total.multipliedReportingOverflow(by: 1000)
      guard !overflow else { continue }
      if words[0].elementsEqual("some".utf8) { some = nanoseconds }
      if words[0].elementsEqual("full".utf8) { full = nanoseconds }
    }
    return some.map { ($0, full) }
  }

  /// Counters that stand line by line as a name and a number.
  package static func counts(_ text: [UInt8]) -> [NamedCount] {
    var counts: [NamedCount] = []
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      // A counter of 64 bits with a sign that is below 0 has not been one.
      guard words.count == 2, words[1].first != UInt8(ascii: "-"),
        let name = String(validating: words[0], as: UTF8.self),
        let count = ByteText.numbers(words[1]).first
      else { continue }
      counts.append(NamedCount(name: name, count: count))
    }
    return counts
  }

  /// KiB of private anonymous memory on each node, by `/proc/<pid>/numa_maps`, in the order of
  /// their numbers.
  ///
  /// Pages that processes share (`mapmax=`), such as what a fork left common, are nobody's own.
  package static func privateMemory(_ maps: [UInt8]) -> [WorkerPages.Share] {
    var shares: [WorkerPages.Share] = []
    for line in maps.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      var isPrivate = false
      var isShared = false
      var pageSize: UInt64 = 4
      for word in words {
        if word.starts(with: "anon=".utf8) { isPrivate = true }
        if word.starts(with: "mapmax=".utf8) { isShared = true }
        if word.starts(with: "kernelpagesize_kB=".utf8) {
          pageSize = ByteText.numbers(word).first ?? 4
        }
      }
      guard isPrivate, !isShared else { continue }
      for word in words where word.first == UInt8(ascii: "N") {
        let numbers = ByteText.numbers(word)
        guard numbers.count == 2, word.contains(UInt8(ascii: "=")), numbers[0] < 1 << 10 else {
          continue
        }
        shares.add(numbers[1] &* pageSize, at: UInt32(numbers[0]))
      }
    }
    return shares
  }
}

extension [WorkerPages.Share] {
  /// Adds to the share of a place; shares stand in the order of their places.
  package mutating func add(_ count: UInt64, at place: UInt32) {
    var index = 0
    while index < self.count && self[index].place < place { index += 1 }
    if index < self.count && self[index].place == place {
      self[index].count &+= count
    } else {
      insert(WorkerPages.Share(place: place, count: count), at: index)
    }
  }
}
