package import Wire

/// The types of work, by their names in the file.
package enum WorkType: String, CaseIterable, Sendable {
  case spin, aluMix, yield, bursty, realtimeHog
  case idleChurn, timerLatency, preemptStorm
  case pingpong, wakeChain, fanOut, thunderingHerd, epollEvents, producerConsumer, signalStorm
  case mutexContention, priorityInversion
  case forkExitChurn, niceSweep, policyChurn, affinityChurn, cgroupChurn
  case pageFaultChurn, cachePressure, numaSweep
  case diskSequential, diskRandom, diskSyncConvoy, diskVerify
  case schedMessages, cacheServer
}

/// A key that only some types of work have, and what may stand there.
package struct WorkParameter: Equatable, Sendable {
  /// What may stand behind the key.
  package enum Form: Equatable, Sendable {
    /// A time in nanoseconds.
    case time(ClosedRange<UInt64>)
    /// A size in bytes, a multiple of another.
    case size(ClosedRange<UInt64>, multipleOf: UInt64)
    /// A whole number.
    case count(ClosedRange<UInt64>)
    /// A share from 0 to 1, or such as "30%"; read as whole percent.
    case percent
    /// One of these words; read as its place in the list.
    case word([String])
    /// Yes or no; read as 1 or 0.
    case flag
  }

  /// The key.
  package let key: String
  /// What may stand behind it.
  package let form: Form
  /// The value of a file that leaves it out; nil where the rest of the file decides.
  package let standard: UInt64?

  init(_ key: String, _ form: Form, _ standard: UInt64?) {
    self.key = key
    self.form = form
    self.standard = standard
  }
}

extension WorkType {
  private static let microsecond: UInt64 = 1_000
  private static let millisecond: UInt64 = 1_000_000
  private static let page: UInt64 = 4096

  private static func time(
    _ key: String, _ standard: UInt64, from least: UInt64 = microsecond
  ) -> WorkParameter {
    // A minute at most: a worker looks up no later than that.
    WorkParameter(key, .time(least...60_000 * millisecond), standard)
  }

  private static func memory(_ key: String, _ standard: UInt64) -> WorkParameter {
    WorkParameter(key, .size(page...(1 << 30), multipleOf: page), standard)
  }

  private static let dwell = time("dwell", 5 * millisecond, from: 100 * microsecond)
  private static let area = [
    WorkParameter("bytes", .size(DiskSpec.sectorSize...DiskSpec.maximumSize, multipleOf: 512), nil),
    WorkParameter("blockSize", .size(512...(1 << 20), multipleOf: 512), 64 << 10),
  ]
  private static let smallBlocks = [
    area[0], WorkParameter("blockSize", .size(512...(1 << 20), multipleOf: 512), 4 << 10),
  ]
  private static let half = WorkParameter("producers", .count(1...64), nil)

  /// The keys that it has beside those of all work.
  package var parameters: [WorkParameter] {
    let (us, ms) = (Self.microsecond, Self.millisecond)
    let long = ScenarioDecoder.longestTime
    return switch self {
    case .spin, .aluMix, .yield, .forkExitChurn: []
    case .bursty:
      [
        WorkParameter("busy", .time(us...long), 10 * ms),
        WorkParameter("sleep", .time(us...long), 10 * ms),
      ]
    case .realtimeHog: [Self.time("busy", 8 * ms), Self.time("sleep", 2 * ms)]
    case .idleChurn: [Self.time("sleep", 100 * us)]
    case .timerLatency: [Self.time("interval", ms, from: 50 * us)]
    case .preemptStorm: [Self.time("interval", ms, from: 50 * us), Self.time("busy", 50 * us)]
    case .pingpong: [WorkParameter("medium", .word(["pipe", "futex"]), 0)]
    case .wakeChain: [Self.time("busy", 20 * us, from: 0)]
    case .fanOut, .thunderingHerd:
      [Self.time("pause", ms, from: 0), Self.time("busy", 20 * us, from: 0)]
    case .epollEvents: [Self.half, Self.time("pause", ms, from: 0)]
    case .producerConsumer:
      [
        Self.half, WorkParameter("depth", .count(1...1024), 64),
        Self.time("produce", 20 * us, from: 0), Self.time("consume", 20 * us, from: 0),
      ]
    case .signalStorm: [Self.time("pause", 100 * us, from: 0)]
    case .mutexContention:
      [Self.time("hold", 20 * us, from: 0), Self.time("outside", 20 * us, from: 0)]
    case .priorityInversion:
      [
        WorkParameter("inherit", .flag, 1), Self.time("hold", ms), Self.time("busy", 5 * ms),
        Self.time("pause", 5 * ms),
      ]
    case .niceSweep, .policyChurn, .affinityChurn: [Self.dwell]
    case .cgroupChurn: [Self.dwell, WorkParameter("groups", .count(2...16), 2)]
    case .pageFaultChurn, .cachePressure: [Self.memory("bytes", 1 << 20)]
    case .numaSweep: [Self.memory("bytes", 1 << 20), Self.time("dwell", 20 * ms, from: ms)]
    case .diskSequential:
      Self.area + [WorkParameter("operation", .word(["read", "write", "mixed"]), 2)]
    case .diskRandom: Self.smallBlocks + [WorkParameter("writes", .percent, 50)]
    case .diskSyncConvoy: Self.smallBlocks
    case .diskVerify: Self.area
    case .schedMessages:
      [
        WorkParameter("messengers", .count(1...64), 1), Self.time("think", 100 * us, from: 0),
        Self.time("busy", 500 * us),
      ]
    case .cacheServer:
      [
        WorkParameter("rate", .count(1...1_000_000), 1000), Self.memory("bytes", 4 << 20),
        WorkParameter("lookups", .count(1...65536), 64),
      ]
    }
  }

  /// The work that values of its parameters describe; all keys are there.
  func kind(_ values: [String: UInt64]) -> WorkKind {
    func value(_ key: String) -> UInt64 { values[key] ?? 0 }
    func small(_ key: String) -> UInt32 { UInt32(clamping: value(key)) }
    var area: DiskArea {
      DiskArea(offset: 0, bytesPerWorker: value("bytes"), blockSize: small("blockSize"))
    }
    switch self {
    case .spin: return .spin
    case .aluMix: return .aluMix
    case .yield: return .yield
    case .forkExitChurn: return .forkExitChurn
    case .bursty:
      return .bursty(busyNanoseconds: value("busy"), sleepNanoseconds: value("sleep"))
    case .realtimeHog:
      return .realtimeHog(busyNanoseconds: value("busy"), sleepNanoseconds: value("sleep"))
    case .idleChurn: return .idleChurn(sleepNanoseconds: value("sleep"))
    case .timerLatency: return .timerLatency(intervalNanoseconds: value("interval"))
    case .preemptStorm:
      return .preemptStorm(intervalNanoseconds: value("interval"), busyNanoseconds: value("busy"))
    case .pingpong: return .pingpong(medium: value("medium") == 0 ? .pipe : .futex)
    case .wakeChain: return .wakeChain(busyNanoseconds: value("busy"))
    case .fanOut:
      return .fanOut(pauseNanoseconds: value("pause"), busyNanoseconds: value("busy"))
    case .thunderingHerd:
      return .thunderingHerd(pauseNanoseconds: value("pause"), busyNanoseconds: value("busy"))
    case .epollEvents:
      return .epollEvents(producers: small("producers"), pauseNanoseconds: value("pause"))
    case .producerConsumer:
      return .producerConsumer(
        QueueLoad(
          producers: small("producers"), depth: small("depth"),
          produceNanoseconds: value("produce"), consumeNanoseconds: value("consume")))
    case .signalStorm: return .signalStorm(pauseNanoseconds: value("pause"))
    case .mutexContention:
      return .mutexContention(
        holdNanoseconds: value("hold"), outsideNanoseconds: value("outside"))
    case .priorityInversion:
      return .priorityInversion(
        InversionLoad(
          inherits: value("inherit") == 1, holdNanoseconds: value("hold"),
          busyNanoseconds: value("busy"), pauseNanoseconds: value("pause")))
    case .niceSweep: return .niceSweep(dwellNanoseconds: value("dwell"))
    case .policyChurn: return .policyChurn(dwellNanoseconds: value("dwell"))
    case .affinityChurn: return .affinityChurn(dwellNanoseconds: value("dwell"))
    case .cgroupChurn:
      return .cgroupChurn(dwellNanoseconds: value("dwell"), first: 0, count: small("groups"))
    case .pageFaultChurn: return .pageFaultChurn(bytes: value("bytes"))
    case .cachePressure: return .cachePressure(bytes: value("bytes"))
    case .numaSweep:
      return .numaSweep(bytes: value("bytes"), dwellNanoseconds: value("dwell"))
    case .diskSequential:
      let operation = WorkKind.DiskOperation(rawValue: UInt8(value("operation"))) ?? .mixed
      return .diskSequential(area, operation: operation)
    case .diskRandom: return .diskRandom(area, writePercent: small("writes"))
    case .diskSyncConvoy: return .diskSyncConvoy(area)
    case .diskVerify: return .diskVerify(area)
    case .schedMessages:
      return .schedMessages(
        MessageLoad(
          messengers: small("messengers"), thinkNanoseconds: value("think"),
          busyNanoseconds: value("busy")))
    case .cacheServer:
      return .cacheServer(
        CacheLoad(
          perSecond: small("rate"), bytes: value("bytes"), lookups: small("lookups")))
    }
  }

  /// Workers of a group that names no number.
  package var standardWorkers: Int {
    switch self {
    case .priorityInversion: 3
    case .pingpong, .preemptStorm, .wakeChain, .signalStorm, .mutexContention, .epollEvents,
      .producerConsumer, .cacheServer, .diskSyncConvoy:
      2
    case .fanOut, .thunderingHerd, .schedMessages: 4
    default: 1
    }
  }
}

extension WorkKind {
  /// The type that it is in the file.
  package var type: WorkType {
    switch self {
    case .spin: .spin
    case .aluMix: .aluMix
    case .yield: .yield
    case .bursty: .bursty
    case .realtimeHog: .realtimeHog
    case .idleChurn: .idleChurn
    case .timerLatency: .timerLatency
    case .preemptStorm: .preemptStorm
    case .pingpong: .pingpong
    case .wakeChain: .wakeChain
    case .fanOut: .fanOut
    case .thunderingHerd: .thunderingHerd
    case .epollEvents: .epollEvents
    case .producerConsumer: .producerConsumer
    case .signalStorm: .signalStorm
    case .mutexContention: .mutexContention
    case .priorityInversion: .priorityInversion
    case .forkExitChurn: .forkExitChurn
    case .niceSweep: .niceSweep
    case .policyChurn: .policyChurn
    case .affinityChurn: .affinityChurn
    case .cgroupChurn: .cgroupChurn
    case .pageFaultChurn: .pageFaultChurn
    case .cachePressure: .cachePressure
    case .numaSweep: .numaSweep
    case .diskSequential: .diskSequential
    case .diskRandom: .diskRandom
    case .diskSyncConvoy: .diskSyncConvoy
    case .diskVerify: .diskVerify
    case .schedMessages: .schedMessages
    case .cacheServer: .cacheServer
    }
  }
}
