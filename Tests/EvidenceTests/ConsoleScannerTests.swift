import Evidence
import Testing

@Suite struct ConsoleScannerTests {
  private func scan(_ text: String) -> ConsoleScanner {
    var scanner = ConsoleScanner()
    scanner.append(Array(text.utf8))
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
    #expect(scanner.trouble.lines == [line])
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
    #expect(scanner.trouble.lines == ["WARNING: x"])
  }

  @Test func `a flood of trouble is counted whole and kept in part`() {
    let flood = scan(String(repeating: "[ 1.0] WARNING: again\n", count: 10_000))
    #expect(flood.trouble.count == 10_000)
    #expect(flood.trouble.lines.count == ConsoleTrouble.keptLines)
    #expect(flood.lastLines(.max).count <= 60)
  }

  @Test func `a mark counts wherever it stands, also at the end and after a false start`() {
    for line in [
      "rcu: rcu: INFO: rcu_", "x blocked for blocked for more than", "hard hard LOCKUP on cpu",
    ] { #expect(scan(line).trouble.count == 1, "\(line)") }
    for line in ["rcu: INFO: rcu", "BUG:", "", "[", "[]", "[ 1.0", "[ 1.0] "] {
      #expect(scan(line + "\n").trouble.isEmpty, "\(line)")
    }
  }

  @Test func `a kernel that names the caller of each line is read, too`() {
    #expect(scan("[    3.000000][   T77] WARNING: x\n").trouble.lines == ["WARNING: x"])
  }

  @Test func `the last word of init is found among the lines behind it`() {
    let scanner = scan(
      """
      [    1.0] ktstr-init: load virtio_blk: ENOENT
      [    1.1] ktstr-init: no virtio_console driver in this kernel
      [    1.2] reboot: Power down about ktstr-init: x
      """)
    #expect(scanner.initWord == "no virtio_console driver in this kernel")
    #expect(scan("[ 1.0] Run /init as init process\n").initWord == nil)
  }

  @Test func `a panic without end is kept from its beginning, in bounded memory`() {
    let scanner = scan(
      "[ 1.0] Kernel panic - not syncing: x\n"
        + String(repeating: "[ 1.1] more\n", count: 10_000)
        + "[ 9.9] ---[ end Kernel panic - not syncing: x ]---\n")
    #expect(scanner.panicText.hasPrefix("[ 1.0] Kernel panic"))
    #expect(scanner.panicText.utf8.count < 10_000)
    #expect(scanner.panicIsComplete)
  }

  @Test func `the first line of a long report is not lost`() {
    let scanner = scan(
      "[ 1.0] Oops: int3: 0000 [#1] SMP NOPTI\n"
        + String(repeating: "[ 1.1] RBP: ffff888017732148\n", count: 200)
        + "[ 1.2] Kernel panic - not syncing: Fatal exception\n")
    #expect(scanner.panicText.hasPrefix("[ 1.0] Oops: int3: 0000 [#1]"))
    #expect(scanner.panicText.hasSuffix("Fatal exception"))
  }

  @Test func `a line without end is bounded`() {
    var scanner = ConsoleScanner()
    scanner.append([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20))
    scanner.finish()
    #expect(scanner.lastLines(1).first?.utf8.count == 4096)
  }
}
