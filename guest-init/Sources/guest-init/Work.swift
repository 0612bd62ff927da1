internal import CGuest
internal import GuestLogic
internal import Wire

extension Worker {
  /// Does what its kind says, until it is told to stop.
  ///
  /// - Parameter pipes: of `pingpong` over pipes.
  mutating func perform(_ pipes: PipePair?) -> Never {
    prepare()
    switch spec.kind {
    case .spin: spin()
    case .aluMix: aluMix()
    case .yield: yieldAll()
    case .bursty(let busy, let idle): burst(busy: busy, sleep: idle)
    case .realtimeHog(let busy, let idle): hog(busy: busy, sleep: idle)
    case .idleChurn(let idle): idleChurn(sleep: idle)
    case .timerLatency(let interval): timerLatency(interval: interval)
    case .preemptStorm(let interval, let busy): preemptStorm(interval: interval, busy: busy)
    case .pingpong(medium: .pipe): pingpong(pipes)
    case .pingpong(medium: .futex): passWord()
    case .wakeChain(let busy): wakeChain(busy: busy)
    case .fanOut(let pause, let busy): fanOut(pause: pause, busy: busy)
    case .thunderingHerd(let pause, let busy): thunderingHerd(pause: pause, busy: busy)
    case .epollEvents(let producers, let pause):
      epollEvents(producers: Int(producers), pause: pause)
    case .producerConsumer(let load): queueWork(load)
    case .signalStorm(let pause): signalStorm(pause: pause)
    case .mutexContention(let hold, let outside): contend(hold: hold, outside: outside)
    case .priorityInversion(let load): invert(load)
    case .forkExitChurn: forkExitChurn()
    case .niceSweep(let dwell): niceSweep(dwell: dwell)
    case .policyChurn(let dwell): policyChurn(dwell: dwell)
    case .affinityChurn(let dwell): affinityChurn(dwell: dwell)
    case .cgroupChurn(let dwell, _, _): cgroupChurn(dwell: dwell)
    case .pageFaultChurn(let bytes): pageFaultChurn(bytes: bytes)
    case .cachePressure(let bytes): cachePressure(bytes: bytes)
    case .numaSweep(let bytes, let dwell): numaSweep(bytes: bytes, dwell: dwell)
    case .diskSequential(let area, let operation): diskSequential(area, operation)
    case .diskRandom(let area, let percent): diskRandom(area, writePercent: percent)
    case .diskSyncConvoy(let area): diskSyncConvoy(area)
    case .diskVerify(let area): diskVerify(area)
    case .schedMessages(let load): messages(load)
    case .cacheServer(let load): serve(load)
    }
  }
}
