/// What types of work and their keys are, in a sentence each.
enum WorkHelp {
  /// What a worker of the type does.
  static func type(_ type: WorkType) -> String {
    switch type {
    case .spin: "Arithmetic without end."
    case .aluMix: "Multiplications, divisions, floating point and unpredictable branches."
    case .yield: "Calls sched_yield without end."
    case .bursty: "Busy on the clock, then asleep."
    case .realtimeHog: "Busy on the clock, then asleep, under a real-time policy."
    case .idleChurn: "Short sleeps and nothing between."
    case .timerLatency: "Wakes at multiples of an interval, as cyclictest does."
    case .preemptStorm:
      "Pairs on one CPU: the first spins, the second comes in between under fifo. 2 workers or "
        + "more pairs."
    case .pingpong: "Pairs pass a message to and fro. 2 workers or more pairs."
    case .wakeChain: "All pass one token around and are busy before they pass it on. 2 or more."
    case .fanOut:
      "Worker 0 wakes all others one by one and waits until all were busy. 4; 2 or more."
    case .thunderingHerd:
      "Worker 0 wakes all others by one call, and the first to come is busy. 4; 2 or more."
    case .epollEvents:
      "The first workers write events that all others wait for with epoll. 2 or more."
    case .producerConsumer: "The first workers keep a queue full, the others empty it. 2 or more."
    case .signalStorm: "Each sends signals to the next, whose handler counts them. 2 or more."
    case .mutexContention: "All take one futex lock and are busy with it and without. 2 or more."
    case .priorityInversion:
      "Threes on one CPU under fifo: one holds a lock that another wants, a third is in between. 3 "
        + "workers or more threes."
    case .forkExitChurn: "Makes a process that ends at once and waits for it."
    case .niceSweep: "Spins, and takes all nice values in turn."
    case .policyChurn: "Spins, and takes normal, batch, idle, fifo and rr in turn."
    case .affinityChurn: "Spins, and moves to another of its CPUs at random."
    case .cgroupChurn: "Spins, and moves through cgroups made for the group."
    case .pageFaultChurn: "Touches fresh pages and gives them back."
    case .cachePressure: "Changes cache lines at random."
    case .numaSweep: "Goes from node to node, its memory after it. Needs two nodes with CPUs."
    case .diskSequential: "Goes through its part of the disk from front to back."
    case .diskRandom: "Reads and writes blocks of its part of the disk at random."
    case .diskSyncConvoy: "Writes a block and flushes, again and again. 2 or more."
    case .diskVerify: "Writes a pattern to its part of the disk, flushes, reads back, compares."
    case .schedMessages:
      "The first workers wake the others, each of which serves a request. 4; one more than "
        + "messengers."
    case .cacheServer:
      "Worker 0 lets requests arrive at a fixed rate; the others look keys up in a shared table. 2 "
        + "or more."
    }
  }

  /// What a key is in work of that type.
  static func parameter(_ key: String, of type: WorkType) -> String {
    switch (key, type) {
    case ("busy", .bursty), ("busy", .realtimeHog): "Time on the clock that it is busy."
    case ("busy", .preemptStorm): "CPU time of each interruption."
    case ("busy", .priorityInversion): "CPU time that the worker in between takes."
    case ("busy", .schedMessages): "CPU time of each request."
    case ("busy", _): "CPU time after each wake-up."
    case ("sleep", _): "Time asleep."
    case ("interval", _): "Time between two wake-ups."
    case ("medium", _): "How the message is passed: two pipes, or futexes on shared memory."
    case ("pause", _): "Time asleep between two rounds."
    case ("producers", _): "How many of the workers produce; left out, half of them."
    case ("depth", _): "Items that the queue is kept at."
    case ("produce", _): "CPU time that making an item takes."
    case ("consume", _): "CPU time that using an item takes."
    case ("hold", _): "CPU time that the lock is held."
    case ("outside", _): "CPU time between two holds."
    case ("inherit", _): "Whether the lock lends the waiter's priority to its holder (PI futex)."
    case ("dwell", .numaSweep): "Time on the clock at each node."
    case ("dwell", _): "Time on the clock between two changes."
    case ("groups", _): "How many cgroups it goes through."
    case ("bytes", .cacheServer): "Size of the table that all servers share."
    case ("bytes", _) where type.parameters.contains { $0.key == "blockSize" }:
      "Part of the disk that each worker has, a multiple of the block size; left out, an even "
        + "share of what others leave, at most 8MiB."
    case ("bytes", _): "Memory that each worker has."
    case ("blockSize", _): "Size of each request."
    case ("operation", _): "What it does; mixed writes its part, then reads it."
    case ("writes", _): "Share of writes; the others are reads."
    case ("messengers", _): "How many of the workers send messages."
    case ("think", _): "Time asleep within each request, as if it asked somebody else."
    case ("rate", _): "Requests that arrive in a second."
    case ("lookups", _): "Keys that a request looks up."
    // A test finds keys that nothing is said of.
    default: ""
    }
  }
}
