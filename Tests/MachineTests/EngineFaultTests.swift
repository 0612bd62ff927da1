import Machine
import Testing

@Suite struct EngineFaultTests {
  @Test(arguments: ["Oops: int3: 0000 [#1] SMP NOPTI", "int3: 0000 [#1] PREEMPT SMP NOPTI"])
  func `a breakpoint in patched code is the software CPU's fault`(line: String) {
    let text = "[ 1.0] x\n[ 2.0] \(line)\n[ 2.1] Kernel panic - not syncing: Fatal exception"
    #expect(EngineFault.line(in: text, engine: .tcg) == "[ 2.0] \(line)")
  }

  @Test func `on real CPUs it is the guest's`() {
    #expect(EngineFault.line(in: "Oops: int3: 0000 [#1]", engine: .kvm) == nil)
  }

  @Test func `other panics are the guest's`() {
    let text = "BUG: kernel NULL pointer dereference\nKernel panic - not syncing: Fatal exception"
    #expect(EngineFault.line(in: text, engine: .tcg) == nil)
  }
}
