import Evidence
import Testing

@Suite struct ConsoleScannerTests {
  private func scan(_ text: String) -> ConsoleScanner {
    var scanner = ConsoleScanner()
    scanner.append(text.utf8)
    scanner.finish()
    return scanner
  }

  @Test func `an ordinary boot shows no trouble`() {
    let scanner = scan(
      """
      [    0.000000] Linux version 6.1.0\r
      [    0.531000] rcu: Hierarchical SRCU implementation.\r
      [    1.100000] Run /init as init process\r
      """)
    #expect(scanner.trouble.isEmpty)
    #expect(!scanner.hasPanicked)
  }

  @Test(arguments: [
    "WARNING: CPU: 1 PID: 77 at kernel/sched/core.c:1234 foo+0x1/0x2",
    "BUG: unable to handle page fault for address: ffffffff00000000",
    "kernel BUG at mm/slub.c:4!",
    "Oops: int3: 0000 [#1] PREEMPT SMP NOPTI",
    "int3: 0000 [#1] PREEMPT SMP NOPTI",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [spin:99]",
    "INFO: task jbd2:12 blocked for more than 120 seconds.",
    "WARNING: possible circular locking dependency detected",
    "WARNING: kernel/sched/core.c:1234 at foo+0x1/0x2, CPU#1: spin/77",
    "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP",
  ])
  func `each kind of kernel report is trouble, without its time stamp`(line: String) {
    let scanner = scan("[    3.000000] \(line)\r\n[    3.1] fine\n")
    #expect(scanner.trouble == [line])
  }

  @Test(arguments: [
    "Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible",
    "traps: init[1] general protection fault ip:400a70 sp:7ffd5ba263a0 error:0 in init[a70]",
    "rcu: \tRCU debug extended QS entry/exit.",
  ])
  func `a line that merely looks like trouble is none`(line: String) {
    #expect(scan("[    3.000000] \(line)\r\n").trouble.isEmpty)
  }

  @Test func `a panic's text begins where its report begins`() {
    let scanner = scan(
      """
      [    1.0] quiet line
      [    2.0] BUG: kernel NULL pointer dereference, address: 0000000000000000
      [    2.1] RIP: 0010:foo+0x1/0x2
      [    2.2] Kernel panic - not syncing: Fatal exception
      [    2.3] Kernel Offset: disabled
      [    2.4] ---[ end Kernel panic - not syncing: Fatal exception ]---
      """)
    #expect(scanner.hasPanicked)
    #expect(scanner.panicIsComplete)
    #expect(scanner.panicText.hasPrefix("[    2.0] BUG: kernel NULL pointer"))
    #expect(scanner.panicText.hasSuffix("]---"))
    #expect(!scanner.panicText.contains("quiet line"))
  }

  @Test func `a panic without a report before it begins at its own line`() {
    let scanner = scan("[ 1.0] hello\n[ 2.0] Kernel panic - not syncing: no init found\n")
    #expect(scanner.panicText == "[ 2.0] Kernel panic - not syncing: no init found")
    #expect(!scanner.panicIsComplete)
  }

  @Test func `bytes may come one at a time and need not be text`() {
    var scanner = ConsoleScanner()
    for byte in "[ 1.0] WARNING: x\n".utf8 { scanner.append([byte]) }
    scanner.append([0xff, 0xfe, 0x00, 0x0a])
    #expect(scanner.trouble == ["WARNING: x"])
  }

  @Test func `a line without end is bounded`() {
    var scanner = ConsoleScanner()
    scanner.append([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20))
    scanner.finish()
    #expect(scanner.lastLines(1).first?.utf8.count == 4096)
  }
}
