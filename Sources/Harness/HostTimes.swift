package import Evidence
import HostOS

/// Time on CPUs and waiting for them, thread by thread, of a process and its children.
package struct HostTimes {
  /// Of one thread, in nanoseconds.
  package struct Times: Equatable, Sendable {
    /// On CPUs of the host.
    package var cpu: UInt64
    /// Waiting for one.
    package var runDelay: UInt64

    /// Makes a reading.
    package init(cpu: UInt64, runDelay: UInt64) {
      self.cpu = cpu
      self.runDelay = runDelay
    }
  }

  /// By thread id.
  package private(set) var threads: [String: Times] = [:]

  /// Reads them at this moment, of a process by its id or `self`; what cannot be read, such as a thread that ends just now, is left
  /// out.
  package init(ofProcess pid: String) {
    add(pid)
  }

  /// Takes a reading that was made before.
  package init(threads: [String: Times]) {
    self.threads = threads
  }

  private mutating func add(_ pid: String) {
    let tasks = "/proc/\(pid)/task"
    for thread in (try? Files.entries(of: tasks)) ?? [] {
      if let times = Self.times(in: Self.words("\(tasks)/\(thread)/schedstat")) {
        threads[thread] = times
      }
      // An engine's process has no children of its own, so this ends after two levels.
      for child in Self.words("\(tasks)/\(thread)/children") where threads[child] == nil {
        add(child)
      }
    }
  }

  /// Reads `<CPU time> <run delay> <slices>`.
  static func times(in words: [String]) -> Times? {
    guard words.count >= 2, let cpu = UInt64(words[0]), let delay = UInt64(words[1]) else {
      return nil
    }
    return Times(cpu: cpu, runDelay: delay)
  }

  private static func words(_ path: String) -> [String] {
    let bytes = (try? Files.read(path, limit: 1 << 16)) ?? []
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .map(String.init)
  }

  /// What came to it since an earlier reading; threads that have ended since are left out.
  package func noise(since earlier: HostTimes) -> HostNoise? {
    guard !threads.isEmpty, !earlier.threads.isEmpty else { return nil }
    var noise = HostNoise(cpuNanoseconds: 0, runDelayNanoseconds: 0)
    for (thread, now) in threads {
      let before = earlier.threads[thread] ?? Times(cpu: 0, runDelay: 0)
      // A thread id that was given anew has less than before: all of it is new.
      let isSame = now.cpu >= before.cpu && now.runDelay >= before.runDelay
      noise.cpuNanoseconds &+= isSame ? now.cpu - before.cpu : now.cpu
      noise.runDelayNanoseconds &+= isSame ? now.runDelay - before.runDelay : now.runDelay
    }
    return noise
  }
}
