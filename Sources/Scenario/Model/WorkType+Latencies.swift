package import Wire

extension WorkType {
  /// What latencies workers of this type measure; docs/scenarios.md says of what.
  package var latencies: [LatencyKind] {
    switch self {
    case .bursty, .realtimeHog, .idleChurn, .timerLatency, .preemptStorm, .pingpong, .wakeChain,
      .fanOut, .thunderingHerd, .epollEvents:
      [.wake]
    case .producerConsumer, .priorityInversion, .schedMessages, .cacheServer: [.wake, .request]
    case .mutexContention, .forkExitChurn, .affinityChurn, .cgroupChurn, .numaSweep,
      .diskSequential, .diskRandom, .diskSyncConvoy:
      [.request]
    case .spin, .aluMix, .yield, .signalStorm, .niceSweep, .policyChurn, .pageFaultChurn,
      .cachePressure, .diskVerify:
      []
    }
  }
}
