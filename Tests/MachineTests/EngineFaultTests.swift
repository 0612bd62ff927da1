import Machine
import Testing

@Suite struct EngineFaultTests {
  @Test(arguments: ["Oops: int3: 0000 [#1] SMP NOPTI", "int3: 0000 [#1] PREEMPT SMP NOPTI"])
  func `a breakpoint in patched code is the software CPU's fault`(line: String) {
    let text = "[ 1.0] x\n[ 2.0] \(line)\n[ 2.1] Kernel panic - not syncing: Fatal exception"
    #expect(EngineFault.line(in: text, engine: .tcg) == "[ 2.0] \(line)")
  }

  @Test func `flags that no CPU can have are the software CPU's fault`() {
    let flags = "[ 0.6] RSP: 0018:ffffc90000013d50 EFLAGS: 042b6a62"
    let text = "[ 0.6] Oops: double fault: 0000 [#1]\n\(flags)\n[ 0.7] Kernel panic - not syncing"
    #expect(EngineFault.line(in: text, engine: .tcg) == flags)
    #expect(EngineFault.line(in: text, engine: .kvm) == nil)
  }

  @Test func `ordinary flags are no fault`() {
    let text = "[ 0.6] Oops: double fault: 0000 [#1]\nRSP: 0018:ffffc900 EFLAGS: 00010246"
    #expect(EngineFault.line(in: text, engine: .tcg) == nil)
  }

  @Test func `on real CPUs it is the guest's`() {
    #expect(EngineFault.line(in: "Oops: int3: 0000 [#1]", engine: .kvm) == nil)
  }

  @Test func `other panics are the guest's`() {
    let text = "BUG: kernel NULL pointer dereference\nKernel panic - not syncing: Fatal exception"
    #expect(EngineFault.line(in: text, engine: .tcg) == nil)
  }

  @Test func `a fault with another report between it and the panic is found`() {
    let text = "BUG: kernel NULL pointer dereference [#2]\nKernel panic - not syncing"
    let trouble = ["Oops: int3: 0000 [#1]", "BUG: kernel NULL pointer dereference [#2]"]
    #expect(EngineFault.line(in: text, trouble: trouble, engine: .tcg) == trouble[0])
    #expect(EngineFault.line(in: text, trouble: [trouble[1]], engine: .tcg) == nil)
  }
}
