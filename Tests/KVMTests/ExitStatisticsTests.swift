import HostOS
import KVM
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExitStatisticsTests {
  static func write(_ address: UInt64) -> VCPUExit {
    .mmioWrite(MMIOAccess(address: address, length: 4), value: 1)
  }

  static func read(_ address: UInt64) -> VCPUExit {
    .mmioRead(MMIOAccess(address: address, length: 4))
  }

  @Test func `each exit of a guest is counted, by reason, place and direction`() throws {
    var code = Assembly(.protected32)
    code.set(.dx, 0x3f8)
    for _ in 0..<5 { code.out(1) }
    for _ in 0..<3 { code.input(1) }
    code.set(.dx, 0x60)
    for _ in 0..<2 { code.input(4) }
    code.set(.bx, 0x4000_0000)
    for _ in 0..<4 { code.store(.ax, 4) }
    code.load(.cx, 1)
    code.set(.bx, 0x4000_0004)
    code.load(.cx, 2)
    code.set(.dx, 0xe9)
    code.halt()
    let recorder = Answering()
    let (group, _) = try Guest(code).onThread(recorder)
    defer { try? group.stop(withinMilliseconds: KickTests.patience) }
    try group.resume(withinMilliseconds: KickTests.patience)
    #expect(recorder.halted.wait(past: 0, until: KickTests.deadline))
    try group.pause(withinMilliseconds: KickTests.patience)
    let counts = group.threads[0].exitCounts
    #expect(
      counts.ports == [
        ExitCounts.Access(address: 0x3f8, direction: .write, count: 5),
        ExitCounts.Access(address: 0x3f8, direction: .read, count: 3),
        ExitCounts.Access(address: 0x60, direction: .read, count: 2),
      ])
    #expect(
      counts.addresses == [
        ExitCounts.Access(address: 0x4000_0000, direction: .write, count: 4),
        ExitCounts.Access(address: 0x4000_0000, direction: .read, count: 1),
        ExitCounts.Access(address: 0x4000_0004, direction: .read, count: 1),
      ])
    #expect(counts.count(of: "port write") == 5)
    #expect(counts.count(of: "port read") == 5)
    #expect(counts.count(of: "mmio write") == 4)
    #expect(counts.count(of: "mmio read") == 2)
    #expect(counts.count(of: "hlt") == 1)
    #expect(counts.otherPorts == 0 && counts.otherAddresses == 0)
    #expect(counts.total == 17 + counts.count(of: "interrupted"))
  }

  @Test func `accesses that find no place are counted together, none is lost`() {
    let statistics = ExitStatistics()
    let distinct = UInt64(4 * ExitStatistics.capacity)
    for round in 1...2 as ClosedRange<UInt64> {
      for page in 0..<distinct {
        statistics.record(Self.write(page << 12))
        statistics.record(Self.read(page << 12))
      }
      let counts = statistics.counts()
      #expect(counts.addresses.allSatisfy { $0.count == round })
      // The table fills to more than nine places of ten before entries are turned away.
      #expect(counts.addresses.count > ExitStatistics.capacity * 9 / 10)
      #expect(counts.addresses.count <= ExitStatistics.capacity)
      let kept = counts.addresses.reduce(0) { $0 + $1.count }
      #expect(kept + counts.otherAddresses == round * 2 * distinct)
      #expect(counts.total == round * 2 * distinct)
    }
  }

  @Test func `places are told apart down to the byte, and up to what fits`() {
    let statistics = ExitStatistics()
    let highest: UInt64 = 1 << 52 - 1
    for address in [0, 1, 0xfff, 0x1000, highest] {
      statistics.record(Self.read(address))
      statistics.record(Self.write(address))
      statistics.record(Self.write(address))
    }
    // No guest can make this one.
    statistics.record(Self.write(.max))
    let counts = statistics.counts()
    for address in [0, 1, 0xfff, 0x1000, highest] {
      #expect(counts.count(address: address, .read) == 1)
      #expect(counts.count(address: address, .write) == 2)
    }
    #expect(counts.addresses.count == 10)
    #expect(counts.otherAddresses == 1)
  }

  @Test func `reasons without a place are counted by name`() {
    let statistics = ExitStatistics()
    let exits: [VCPUExit] = [
      .halted, .shutdown, .shutdown, .failedEntry(reason: 1), .internalError(suberror: 1),
      .systemEvent(.reset), .endOfInterrupt(vector: 3), .interrupted, .unknown(reason: 99),
    ]
    for exit in exits { statistics.record(exit) }
    let counts = statistics.counts()
    #expect(
      counts.reasons.map(\.name) == [
        "hlt", "shutdown", "failed entry", "internal error", "system event", "ioapic eoi",
        "interrupted", "unknown",
      ])
    #expect(counts.reasons.map(\.count) == [1, 2, 1, 1, 1, 1, 1, 1])
    #expect(counts.ports.isEmpty && counts.addresses.isEmpty)
  }

  @Test func `a copy can be taken while exits are counted`() throws {
    let statistics = ExitStatistics()
    let done = WaitableCounter()
    let rounds: UInt64 = 200_000
    var thread = try HostThread(name: "counter") {
      for index in 0..<rounds { statistics.record(Self.write((index & 63) << 12)) }
      done.advance()
    }
    var last: UInt64 = 0
    while done.value == 0 {
      let counts = statistics.counts()
      #expect(counts.total >= last)
      #expect(counts.addresses.count <= 64)
      last = counts.total
    }
    let hasEnded = thread.join(until: KickTests.deadline)
    #expect(hasEnded)
    #expect(statistics.counts().addresses.map(\.count) == Array(repeating: rounds / 64, count: 64))
  }

  /// Lets everything go on until the guest halts.
  private final class Answering: VCPUExitHandler {
    let halted = WaitableCounter()

    func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
      guard exit == .halted else { return .resume }
      halted.advance()
      return .hold
    }

    func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {
      Issue.record("\(error)")
    }
  }
}
