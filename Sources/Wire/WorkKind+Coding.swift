extension WorkKind {
  private enum Code: UInt8 {
    case spin = 1
    case yield = 2
    case bursty = 3
    case pingpong = 4
    case diskVerify = 5
    case aluMix = 6
    case realtimeHog = 7
    case idleChurn = 8
    case timerLatency = 9
    case preemptStorm = 10
    case wakeChain = 11
    case fanOut = 12
    case thunderingHerd = 13
    case epollEvents = 14
    case producerConsumer = 15
    case signalStorm = 16
    case mutexContention = 17
    case priorityInversion = 18
    case forkExitChurn = 19
    case niceSweep = 20
    case policyChurn = 21
    case affinityChurn = 22
    case cgroupChurn = 23
    case pageFaultChurn = 24
    case cachePressure = 25
    case numaSweep = 26
    case diskSequential = 27
    case diskRandom = 28
    case diskSyncConvoy = 29
    case schedMessages = 30
    case cacheServer = 31
  }

  func encode(into body: inout ByteWriter) {
    func put(_ code: Code, _ values: UInt64...) {
      body.uint8(code.rawValue)
      for value in values { body.uint64(value) }
    }
    switch self {
    case .spin: put(.spin)
    case .aluMix: put(.aluMix)
    case .yield: put(.yield)
    case .bursty(let busy, let sleep): put(.bursty, busy, sleep)
    case .realtimeHog(let busy, let sleep): put(.realtimeHog, busy, sleep)
    case .idleChurn(let sleep): put(.idleChurn, sleep)
    case .timerLatency(let interval): put(.timerLatency, interval)
    case .preemptStorm(let interval, let busy): put(.preemptStorm, interval, busy)
    case .pingpong(let medium):
      put(.pingpong)
      body.uint8(medium.rawValue)
    case .wakeChain(let busy): put(.wakeChain, busy)
    case .fanOut(let pause, let busy): put(.fanOut, pause, busy)
    case .thunderingHerd(let pause, let busy): put(.thunderingHerd, pause, busy)
    case .epollEvents(let producers, let pause):
      put(.epollEvents, pause)
      body.uint32(producers)
    case .producerConsumer(let load):
      put(.producerConsumer, load.produceNanoseconds, load.consumeNanoseconds)
      body.uint32(load.producers)
      body.uint32(load.depth)
    case .signalStorm(let pause): put(.signalStorm, pause)
    case .mutexContention(let hold, let outside): put(.mutexContention, hold, outside)
    case .priorityInversion(let load):
      put(
        .priorityInversion, load.holdNanoseconds, load.busyNanoseconds, load.pauseNanoseconds)
      body.uint8(load.inherits ? 1 : 0)
    case .forkExitChurn: put(.forkExitChurn)
    case .niceSweep(let dwell): put(.niceSweep, dwell)
    case .policyChurn(let dwell): put(.policyChurn, dwell)
    case .affinityChurn(let dwell): put(.affinityChurn, dwell)
    case .cgroupChurn(let dwell, let first, let count):
      put(.cgroupChurn, dwell)
      body.uint32(first)
      body.uint32(count)
    case .pageFaultChurn(let bytes): put(.pageFaultChurn, bytes)
    case .cachePressure(let bytes): put(.cachePressure, bytes)
    case .numaSweep(let bytes, let dwell): put(.numaSweep, bytes, dwell)
    case .diskSequential(let area, let operation):
      put(.diskSequential)
      area.encode(into: &body)
      body.uint8(operation.rawValue)
    case .diskRandom(let area, let percent):
      put(.diskRandom)
      area.encode(into: &body)
      body.uint32(percent)
    case .diskSyncConvoy(let area):
      put(.diskSyncConvoy)
      area.encode(into: &body)
    case .diskVerify(let area):
      put(.diskVerify)
      area.encode(into: &body)
    case .schedMessages(let load):
      put(.schedMessages, load.thinkNanoseconds, load.busyNanoseconds)
      body.uint32(load.messengers)
    case .cacheServer(let load):
      put(.cacheServer, load.bytes)
      body.uint32(load.perSecond)
      body.uint32(load.lookups)
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let raw = try body.uint8()
    guard let code = Code(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    switch code {
    case .spin: self = .spin
    case .aluMix: self = .aluMix
    case .yield: self = .yield
    case .forkExitChurn: self = .forkExitChurn
    case .pingpong: self = .pingpong(medium: try Medium(from: &body))
    case .diskSequential, .diskRandom, .diskSyncConvoy, .diskVerify:
      self = try Self.disk(code, from: &body)
    case .bursty, .realtimeHog, .preemptStorm, .fanOut, .thunderingHerd, .mutexContention,
      .numaSweep:
      self = Self.pair(code, try body.uint64(), try body.uint64())
    case .idleChurn, .timerLatency, .wakeChain, .signalStorm, .niceSweep, .policyChurn,
      .affinityChurn, .pageFaultChurn, .cachePressure:
      self = Self.single(code, try body.uint64())
    case .epollEvents:
      let pause = try body.uint64()
      self = .epollEvents(producers: try body.uint32(), pauseNanoseconds: pause)
    case .producerConsumer:
      let produce = try body.uint64()
      let consume = try body.uint64()
      self = .producerConsumer(
        QueueLoad(
          producers: try body.uint32(), depth: try body.uint32(), produceNanoseconds: produce,
          consumeNanoseconds: consume))
    case .priorityInversion:
      let hold = try body.uint64()
      let busy = try body.uint64()
      let pause = try body.uint64()
      self = .priorityInversion(
        InversionLoad(
          inherits: try body.flag(), holdNanoseconds: hold, busyNanoseconds: busy,
          pauseNanoseconds: pause))
    case .cgroupChurn:
      self = .cgroupChurn(
        dwellNanoseconds: try body.uint64(), first: try body.uint32(), count: try body.uint32())
    case .schedMessages:
      let think = try body.uint64()
      let busy = try body.uint64()
      self = .schedMessages(
        MessageLoad(
          messengers: try body.uint32(), thinkNanoseconds: think, busyNanoseconds: busy))
    case .cacheServer:
      let bytes = try body.uint64()
      self = .cacheServer(
        CacheLoad(perSecond: try body.uint32(), bytes: bytes, lookups: try body.uint32()))
    }
  }

  /// The kinds of two words.
  private static func pair(_ code: Code, _ first: UInt64, _ second: UInt64) -> WorkKind {
    switch code {
    case .realtimeHog: .realtimeHog(busyNanoseconds: first, sleepNanoseconds: second)
    case .preemptStorm: .preemptStorm(intervalNanoseconds: first, busyNanoseconds: second)
    case .fanOut: .fanOut(pauseNanoseconds: first, busyNanoseconds: second)
    case .thunderingHerd: .thunderingHerd(pauseNanoseconds: first, busyNanoseconds: second)
    case .mutexContention: .mutexContention(holdNanoseconds: first, outsideNanoseconds: second)
    case .numaSweep: .numaSweep(bytes: first, dwellNanoseconds: second)
    default: .bursty(busyNanoseconds: first, sleepNanoseconds: second)
    }
  }

  /// The kinds of one word.
  private static func single(_ code: Code, _ value: UInt64) -> WorkKind {
    switch code {
    case .timerLatency: .timerLatency(intervalNanoseconds: value)
    case .wakeChain: .wakeChain(busyNanoseconds: value)
    case .signalStorm: .signalStorm(pauseNanoseconds: value)
    case .niceSweep: .niceSweep(dwellNanoseconds: value)
    case .policyChurn: .policyChurn(dwellNanoseconds: value)
    case .affinityChurn: .affinityChurn(dwellNanoseconds: value)
    case .pageFaultChurn: .pageFaultChurn(bytes: value)
    case .cachePressure: .cachePressure(bytes: value)
    default: .idleChurn(sleepNanoseconds: value)
    }
  }

  private static func disk(_ code: Code, from body: inout ByteReader) throws(WireError) -> WorkKind
  {
    let area = try DiskArea(from: &body)
    switch code {
    case .diskSequential:
      return .diskSequential(area, operation: try DiskOperation(from: &body))
    case .diskRandom: return .diskRandom(area, writePercent: try body.uint32())
    case .diskSyncConvoy: return .diskSyncConvoy(area)
    default: return .diskVerify(area)
    }
  }
}

extension DiskArea {
  func encode(into body: inout ByteWriter) {
    body.uint64(offset)
    body.uint64(bytesPerWorker)
    body.uint32(blockSize)
  }

  init(from body: inout ByteReader) throws(WireError) {
    self.init(
      offset: try body.uint64(), bytesPerWorker: try body.uint64(),
      blockSize: try body.uint32())
  }
}

extension WorkKind.Medium {
  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let raw = try body.uint8()
    guard let medium = Self(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    self = medium
  }
}

extension WorkKind.DiskOperation {
  init(from body: inout ByteReader) throws(WireError) {
    let offset = body.offset
    let raw = try body.uint8()
    guard let operation = Self(rawValue: raw) else {
      throw .badValue(offset: offset, value: UInt64(raw))
    }
    self = operation
  }
}
