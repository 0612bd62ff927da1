import KVM
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
}
