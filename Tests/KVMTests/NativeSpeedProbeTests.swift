import Glibc
import HostOS
import KVM
import Synchronization
import Testing

@Suite struct NativeSpeedProbeTests {
  @Test func `the probe tells native from interpreted, or why it cannot`() {
    switch NativeSpeedProbe.run() {
    case .native(let nanoseconds):
      #expect(nanoseconds <= NativeSpeedProbe.limitNanoseconds)
    case .emulated(let nanoseconds):
      #expect(nanoseconds > NativeSpeedProbe.limitNanoseconds)
    case .absent, .notPermitted:
      break
    case .broken(let reason):
      Issue.record("\(reason)")
    }
  }

  @Test func `signals of the process say nothing about the device`() throws {
    let signal = try KickSignal.prepare()
    let found = Mutex<(prober: pthread_t?, finding: KVMFinding?)>((nil, nil))
    // Not this thread: those of the tests may block the signal.
    var prober = try HostThread(name: "prober", accepting: signal) {
      found.withLock { $0.prober = pthread_self() }
      let finding = NativeSpeedProbe.run()
      found.withLock { $0.finding = finding }
    }
    for _ in 0..<10_000 where found.withLock({ $0.finding }) == nil {
      if let prober = found.withLock({ $0.prober }) { pthread_kill(prober, signal) }
      usleep(1000)
    }
    let hasEnded = prober.join(until: .now().advanced(byNanoseconds: 10_000_000_000))
    #expect(hasEnded)
    let finding = try #require(found.withLock { $0.finding })
    if case .broken(let reason) = finding { Issue.record("\(reason)") }
  }
}
