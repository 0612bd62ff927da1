import Foundation
import HostOS
import Testing

/// Every type of work in real guests: each does something, and what it reports agrees with what
/// others count: the kernel, the disk, its partners, the clock.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct WorkTests {
  private let scratch = Scratch()

  /// A difference of two counts that came about when one of the two was stopped first.
  private static func isNear(_ one: UInt64, _ other: UInt64, within slack: UInt64) -> Bool {
    max(one, other) - min(one, other) <= slack
  }

  /// What holds of all workers.
  private func expectSound(_ reports: WorkReports, cpus: UInt64) throws {
    for worker in reports.all {
      #expect(worker.iterations > 0, "\(worker)")
      // The kernel adds time that was run up to its last tick, so a little more is possible.
      #expect(worker.cpu + worker.runDelay <= worker.wall + 100_000_000, "\(worker)")
    }
    let longest = try #require(reports.all.map(\.wall).max())
    let used = reports.all.reduce(0) { $0 + $1.cpu }
    #expect(used <= longest * cpus + 100_000_000)
    let switches = reports.all.reduce(0) { $0 + $1.voluntarySwitches + $1.involuntarySwitches }
    let kernel = try #require(reports.kernel)
    // Each of theirs is one of the kernel's, but for the drain, which the kernel's count leaves out.
    #expect(switches <= kernel.switches + UInt64(reports.all.count) * 20)
    // The kernel's own sum, taken at switches and by another path, has init and its threads in it.
    #expect(used <= kernel.ran + kernel.ran / 20 + 200_000_000)
  }

  @Test func `work on the CPU has the CPUs and the policies that it asks for`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "cpu", "seed": 7, "machine": {"topology": "1n2l1c2t"}, "duration": "2s",
       "work": [
         {"name": "spin", "type": "spin", "workers": "50%", "affinity": "0-1"},
         {"name": "alu", "type": "aluMix", "policy": "idle", "affinity": "3"},
         {"name": "yield", "type": "yield", "affinity": "oneCPU", "policy": "batch"},
         {"name": "burst", "type": "bursty", "busy": "1ms", "sleep": "5ms", "affinity": "llc:1"},
         {"name": "dl", "type": "bursty", "busy": "1ms", "sleep": "5ms", "policy": "deadline",
          "runtime": "4ms", "period": "20ms"},
         {"name": "hog", "type": "realtimeHog", "busy": "2ms", "sleep": "8ms", "spawn": "thread",
          "workers": 2, "affinity": "smt"},
         {"name": "random", "type": "spin", "affinity": "random:1", "nice": 5}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 4)
    let used = reports.all.reduce(0) { $0 + $1.cpu }
    let ran = try #require(reports.kernel?.ran)
    #expect(used >= ran - ran / 10)
    let places: [(String, [UInt64])] = [
      ("spin", [0b11, 0b11]), ("alu", [0b1000]), ("yield", [0b1]), ("burst", [0b1100]),
      ("hog", [0b1, 0b10]),
    ]
    for (name, masks) in places {
      for (worker, mask) in zip(try reports.group(name), masks) {
        #expect(worker.cpusSeen.first.map { $0 & ~mask } == 0, "\(name): \(worker.cpusSeen)")
      }
    }
    #expect(try reports.group("random").first?.cpusSeen.first?.nonzeroBitCount == 1)
    for worker in 0..<2 {
      #expect(
        try reports.latency("wake", "hog", worker).count
          <= reports.group("hog")[worker].iterations)
    }
  }

  @Test func `policies and nice values show in the CPU time that workers get`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "shares", "machine": {"cpus": 4}, "duration": "2s",
       "work": [
         {"name": "plain", "type": "spin", "affinity": "0"},
         {"name": "nice", "type": "spin", "affinity": "0", "nice": 19},
         {"name": "normal", "type": "spin", "affinity": "1"},
         {"name": "idle", "type": "spin", "affinity": "1", "policy": "idle", "spawn": "thread"},
         {"name": "below", "type": "spin", "affinity": "2"},
         {"name": "hog", "type": "realtimeHog", "affinity": "2", "policy": "rr"},
         {"name": "deadline", "type": "spin", "policy": "deadline", "runtime": "4ms",
          "period": "20ms", "spawn": "thread"}
       ],
       "expect": {"progress": false}}
      """, in: scratch, options: ["--kernel", "6.12"])
    func time(_ name: String) throws -> UInt64 { try #require(try reports.group(name).first).cpu }
    // Weights of 1024 against 15 and 3; 8 ms of 10.
    #expect(try time("plain") > 4 * time("nice"))
    #expect(try time("normal") > 4 * time("idle"))
    #expect(try time("hog") > time("below"))
    // A fifth of its time, by the kernel's promise, and no more.
    let deadline = try #require(try reports.group("deadline").first)
    #expect(deadline.cpu <= deadline.wall / 5 + deadline.wall / 10)
    #expect(deadline.cpu >= deadline.wall / 20)
  }

  @Test func `a policy that the kernel lacks fails the worker with its errno`() throws {
    let file = try scratch.write(
      """
      {"ktstr": 1, "name": "ext", "machine": {"cpus": 1}, "duration": "300ms",
       "work": [{"name": "spin", "type": "spin"},
                {"name": "ext", "type": "spin", "policy": "ext"},
                {"name": "thread", "type": "spin", "policy": "ext", "spawn": "thread"}]}
      """, to: "ext.json")
    let run = try Invocation.test([file], options: ["--kernel", "6.1"], in: scratch).run()
    let reports = try WorkReports(reading: run.directory)
    #expect(reports.texts.contains("ext.0 could not set its scheduling policy"))
    #expect(reports.texts.contains("thread.0 could not set its scheduling policy"))
    for name in ["ext", "thread"] {
      let worker = try #require(try reports.group(name).first)
      #expect(worker.end == "neverStarted")
      #expect(worker.code == 22)
      #expect(worker.iterations == 0)
    }
    #expect(try reports.iterations("spin") > 0)
  }

  @Test func `timers wake as often as their intervals fit, and sleeps are switches`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "timers", "machine": {"cpus": 2}, "duration": "2s",
       "work": [
         {"name": "idle", "type": "idleChurn", "sleep": "2ms"},
         {"name": "timer", "type": "timerLatency", "interval": "5ms", "policy": "fifo"},
         {"name": "storm", "type": "preemptStorm", "interval": "5ms", "affinity": "1"}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 2)
    let idle = try #require(try reports.group("idle").first)
    #expect(idle.iterations <= idle.wall / 2_000_000 + 1)
    // Each sleep is a switch of its own will, and there are hardly any others.
    #expect(Self.isNear(idle.iterations, idle.voluntarySwitches, within: idle.iterations / 5 + 20))
    for (name, worker) in [("timer", 0), ("storm", 1)] {
      let report = try reports.group(name)[worker]
      #expect(report.iterations <= report.wall / 5_000_000 + 1)
      #expect(report.iterations > 20)
      let latency = try reports.latency("wake", name, worker)
      #expect(latency.count == report.iterations)
      // The latencies of all wake-ups fit into the time, however late each was.
      #expect(latency.sum <= report.wall)
      #expect(latency.min <= latency.p50 && latency.p50 <= latency.p99)
      #expect(latency.p99 <= latency.max)
    }
    // The storm interrupts the one that spins.
    let storm = try reports.group("storm")
    #expect(storm[0].involuntarySwitches >= storm[1].iterations / 2)
  }

  @Test func `what is sent arrives: partners count the same`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "messages", "machine": {"cpus": 2}, "duration": "3s",
       "work": [
         {"name": "pipe", "type": "pingpong"},
         {"name": "threads", "type": "pingpong", "spawn": "thread"},
         {"name": "futex", "type": "pingpong", "medium": "futex"},
         {"name": "chain", "type": "wakeChain", "workers": 3},
         {"name": "fan", "type": "fanOut"},
         {"name": "herd", "type": "thunderingHerd", "spawn": "thread"},
         {"name": "epoll", "type": "epollEvents", "workers": 4},
         {"name": "queue", "type": "producerConsumer", "workers": 4, "depth": 8},
         {"name": "signals", "type": "signalStorm", "pause": "2ms"}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 2)
    for name in ["pipe", "threads", "futex", "chain"] {
      let group = try reports.group(name)
      for worker in group {
        #expect(Self.isNear(worker.iterations, group[0].iterations, within: 1), "\(name)")
        #expect(try reports.latency("wake", name, worker.worker).count == worker.iterations)
      }
    }
    let fan = try reports.group("fan")
    for worker in fan { #expect(Self.isNear(worker.iterations, fan[0].iterations, within: 1)) }
    let herd = try reports.group("herd")
    #expect(Self.isNear(herd.reduce(0) { $0 + $1.workUnits }, herd[0].iterations, within: 1))
    let epoll = try reports.group("epoll").map(\.iterations)
    #expect(epoll[2] + epoll[3] <= epoll[0] + epoll[1] + 2)
    #expect(epoll[2] + epoll[3] >= (epoll[0] + epoll[1]) / 2)
    let queue = try reports.group("queue").map(\.iterations)
    // What was made and not used lies in the queue, or was on its way when the work ended.
    #expect(Self.isNear(queue[0] + queue[1], queue[2] + queue[3], within: 8 + 4))
    let signals = try reports.group("signals")
    let sent = signals.reduce(0) { $0 + $1.iterations }
    let handled = signals.reduce(0) { $0 + $1.workUnits }
    #expect(handled <= sent)
    #expect(handled >= sent / 4)
  }

  @Test func `a lock is held by one at a time, and lends priority only if it should`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "locks", "machine": {"cpus": 3}, "duration": "2s",
       "work": [
         {"name": "mutex", "type": "mutexContention", "workers": 3, "hold": "200us",
          "affinity": "2"},
         {"name": "threads", "type": "mutexContention", "workers": 2, "spawn": "thread",
          "affinity": "2"},
         {"name": "with", "type": "priorityInversion", "affinity": "0", "busy": "20ms"},
         {"name": "without", "type": "priorityInversion", "affinity": "1", "busy": "20ms",
          "inherit": false}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 3)
    let mutex = try reports.group("mutex")
    let wall = try #require(mutex.map(\.wall).max())
    #expect(try reports.iterations("mutex") * 200_000 <= wall)
    for worker in mutex {
      let latency = try reports.latency("request", "mutex", worker.worker)
      #expect(Self.isNear(latency.count, worker.iterations, within: 1))
    }
    // 1 ms of CPU time, against 1 ms and the 20 ms of who comes in between.
    let with = try reports.latency("request", "with", 2)
    let without = try reports.latency("request", "without", 2)
    #expect(with.min < 15_000_000)
    #expect(without.min > 18_000_000)
    #expect(with.p50 < without.p50)
  }

  @Test func `churn is counted as the kernel counts it`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "churn", "machine": {"cpus": 2}, "duration": "2s",
       "cgroups": [{"name": "a", "cpu.weight": 50}],
       "work": [
         {"name": "fork", "type": "forkExitChurn"},
         {"name": "nice", "type": "niceSweep"},
         {"name": "policy", "type": "policyChurn"},
         {"name": "cpus", "type": "affinityChurn", "spawn": "thread", "workers": 2},
         {"name": "cgroups", "type": "cgroupChurn", "cgroup": "a", "groups": 3}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 2)
    let kernel = try #require(reports.kernel)
    // The kernel makes threads of its own now and then.
    let forks = try reports.iterations("fork")
    #expect(kernel.forks + 2 >= forks && kernel.forks <= forks + 30, "\(kernel.forks) of \(forks)")
    for name in ["nice", "policy", "cpus", "cgroups"] {
      for worker in try reports.group(name) {
        #expect(worker.iterations <= worker.wall / 5_000_000 + 1, "\(name)")
      }
    }
    for worker in try reports.group("cpus") {
      // It was last seen before each move, and is where it went behind it.
      #expect(worker.migrations + 1 >= worker.iterations)
      #expect(
        try reports.latency("request", "cpus", worker.worker).count == worker.iterations)
    }
  }

  @Test func `each fresh page is a fault, and memory follows over the nodes`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "memory", "duration": "2s",
       "machine": {"topology": "2n2l1c1t", "memory": "512MiB"},
       "work": [
         {"name": "faults", "type": "pageFaultChurn"},
         {"name": "cache", "type": "cachePressure", "bytes": "256KiB"},
         {"name": "numa", "type": "numaSweep", "bytes": "256KiB"}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 2)
    let pages = try #require(try reports.group("faults").first?.workUnits)
    let faults = try #require(reports.kernel?.faults)
    #expect(faults >= pages - pages / 20)
    #expect(faults <= pages + pages / 20 + 2000)
    let cache = try #require(try reports.group("cache").first)
    #expect(cache.workUnits == cache.iterations * 1024)
    let numa = try #require(try reports.group("numa").first)
    #expect(numa.cpusSeen == [0b11])
    #expect(try reports.latency("request", "numa", 0).count >= numa.iterations)
  }

  @Test func `disk workers move the bytes that the disk counts`() throws {
    let file = try scratch.write(
      """
      {"ktstr": 1, "name": "disks", "duration": "2s",
       "machine": {"cpus": 2, "disk": {"size": "64MiB"}},
       "work": [
         {"name": "read", "type": "diskSequential", "operation": "read", "workers": 2},
         {"name": "mixed", "type": "diskSequential"},
         {"name": "random", "type": "diskRandom", "writes": "30%", "spawn": "thread"},
         {"name": "convoy", "type": "diskSyncConvoy"}
       ]}
      """, to: "disks.json")
    let run = try Invocation.test([file], options: ["--kernel", "6.12"], in: scratch).run()
    #expect(Invocation.failures(of: run) == [])
    let reports = try WorkReports(reading: run.directory)
    try expectSound(reports, cpus: 2)
    struct Reading: Decodable {
      struct Count: Decodable {
        var name: String
        var value: UInt64
      }
      var counts: [Count]
    }
    let lines = try Files.read(run.directory + "/counters.jsonl", limit: 1 << 20)
      .split(separator: UInt8(ascii: "\n"))
    let reading = try JSONDecoder().decode(Reading.self, from: Data(try #require(lines.last)))
    func counter(_ name: String) -> UInt64 {
      reading.counts.first { $0.name == name }?.value ?? 0
    }
    let moved = reports.all.reduce(0) { $0 + $1.workUnits }
    let counted = counter("bytesRead") + counter("bytesWritten")
    // The kernel reads a little on its own, for partition tables.
    #expect(counted >= moved)
    #expect(counted <= moved + (1 << 20))
    let flushed = try reports.iterations("convoy")
    #expect(counter("flushes") >= flushed / 2)
    for name in ["read", "mixed", "random", "convoy"] {
      for worker in try reports.group(name) {
        #expect(
          try reports.latency("request", name, worker.worker).count == worker.iterations)
      }
    }
  }

  @Test func `servers answer what arrives, and latencies count from when it should have`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "servers", "machine": {"cpus": 2}, "duration": "3s",
       "work": [
         {"name": "messages", "type": "schedMessages"},
         {"name": "cache", "type": "cacheServer", "workers": 3, "rate": 100, "spawn": "thread"}
       ]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 2)
    let cache = try reports.group("cache").map(\.iterations)
    #expect(cache[0] <= 301)
    #expect(cache[0] >= 200)
    let served = try reports.iterations("cache") - cache[0]
    #expect(served <= cache[0])
    #expect(served >= cache[0] / 2)
    let messages = try reports.group("messages").map(\.iterations)
    #expect(Self.isNear(messages[0], messages[1...].reduce(0, +), within: 3))
    for worker in 1..<4 {
      // 100 us asleep and 500 us on the CPU at least.
      let latency = try reports.latency("request", "messages", worker)
      #expect(latency.min >= 600_000)
      #expect(latency.count == messages[worker])
    }
  }

  @Test func `64 workers and init fit into 8 MiB`() throws {
    let reports = try WorkReports.of(
      """
      {"ktstr": 1, "name": "many", "machine": {"cpus": 2}, "duration": "2s",
       "work": [{"name": "sleep", "type": "idleChurn", "sleep": "50ms", "workers": 32},
                {"name": "threads", "type": "timerLatency", "interval": "50ms", "workers": 32,
                 "spawn": "thread"}]}
      """, in: scratch, options: ["--kernel", "6.12"])
    try expectSound(reports, cpus: 2)
    #expect(reports.all.count == 64)
    let memory = try #require(reports.memory)
    #expect(memory > 500 && memory < 8192, "\(memory) KiB")
  }
}
