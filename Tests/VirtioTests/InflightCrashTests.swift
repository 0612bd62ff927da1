import DriverMock
import GuestMemory
import Testing
import Virtio

/// A device that dies after any instruction, and one that goes on from what it left behind.
@Suite(.serialized, .enabled(if: InstructionSteps.isPossible))
struct InflightCrashTests {
  /// One thing that driver or device does.
  private enum Act {
    case submit
    case take
    /// One of those that were taken and not staged yet, the oldest being 0.
    case stage(Int)
    case publish
    case collect
  }

  /// What the rings and the record looked like at one moment, and what the driver knows then.
  private struct Moment {
    var act: Int
    var memory: [UInt8]
    /// Offered, in the order of the available ring.
    var offered: [UInt16]
    /// Heads the device has taken for sure, in order; one more may be in the record already.
    var taken: [UInt16]
    /// How many answers the driver had collected.
    var collected: UInt16
  }

  // The rings of a queue of four and the record behind them.
  private static let start: UInt64 = 0x1000
  private static let length = 0x2200

  private func run(_ acts: [Act], firstIndex: UInt16) throws -> [Moment] {
    let driver = try MockDriver(try makeMemory(0x10_0000), size: 4, firstIndex: firstIndex)
    let bench = try RecordBench(driver.memory)
    let watched = try #require(
      try driver.memory.unsafeHostRange(at: GuestAddress(Self.start), count: Self.length)
        .baseAddress)
    var queue = try driver.makeQueue([], inflight: bench.record())
    var moments: [Moment] = []
    var offered: [UInt16] = []
    var taken: [UInt16] = []
    var unstaged: [UInt16] = []
    var collected: UInt16 = 0
    for (number, act) in acts.enumerated() {
      switch act {
      case .submit: offered.append(try driver.submit([.writable(1)]).head)
      case .collect:
        for used in try driver.collect() {
          let head = UInt16(used.head)
          offered.removeAll { $0 == head }
          taken.removeAll { $0 == head }
          collected += 1
        }
      case .take, .stage, .publish:
        var got: UInt16?
        let trace = try InstructionSteps.watch(watched, count: Self.length, limit: 64) {
          switch act {
          case .take: got = try queue.popHead()
          case .stage(let place): try queue.stage(head: unstaged[place], length: 1)
          default: _ = queue.publish()
          }
        }
        for state in trace.states {
          moments.append(
            Moment(
              act: number, memory: state, offered: offered, taken: taken, collected: collected))
        }
        if let got {
          taken.append(got)
          unstaged.append(got)
        }
        if case .stage(let place) = act { unstaged.remove(at: place) }
      }
    }
    return moments
  }

  /// Guest memory as it was at a moment.
  private func revive(_ moment: Moment) throws -> GuestMemoryMap {
    let memory = try makeMemory(0x10_0000)
    try memory.write(moment.memory, at: GuestAddress(Self.start))
    return memory
  }

  /// What the driver still waits for at a moment: all it offered but what the used ring shows.
  private func waiting(_ moment: Moment, firstIndex: UInt16) -> [UInt16] {
    func half(_ address: Int) -> UInt16 {
      let offset = address - Int(Self.start)
      let low = UInt16(moment.memory[offset])
      let high = UInt16(moment.memory[offset + 1])
      return high << 8 | low
    }
    var answered: [UInt16] = []
    var index = firstIndex &+ moment.collected
    while index != half(0x3002) {
      answered.append(half(0x3004 + Int(index % 4) * 8))
      index &+= 1
    }
    return moment.offered.filter { !answered.contains($0) }
  }

  /// Goes on from a moment; the problem, if one is found.
  private func resume(_ moment: Moment, firstIndex: UInt16) throws -> String? {
    let memory = try revive(moment)
    let driver = try MockDriver(memory, size: 4)
    let rings = try driver.configuration()
    // Making a driver clears the indices.
    try memory.write(moment.memory, at: GuestAddress(Self.start))
    var queue = try SplitQueue(
      rings, in: memory, features: [], inflight: try RecordBench(memory).record())
    var heads: [UInt16] = []
    while let head = try queue.popHead() { heads.append(head) }
    let expected = waiting(moment, firstIndex: firstIndex)
    guard heads.sorted() == expected.sorted() else {
      return "the driver waits for \(expected), and \(heads) came"
    }
    // Those that were surely in flight come in the order in which they were taken.
    let known = moment.taken.filter { expected.contains($0) }
    guard heads.filter({ known.contains($0) }) == known else {
      return "\(known) were taken in this order, and came as \(heads)"
    }
    for head in heads.reversed() { try queue.stage(head: head, length: 1) }
    _ = queue.publish()
    let bench = try RecordBench(memory)
    guard (0..<4).allSatisfy({ bench.entry($0).inflight == 0 }),
      bench.half(14) == queue.nextUsed
    else { return "the record is not settled at the end" }
    return nil
  }

  private static let acts: [Act] = [
    .submit, .submit, .submit, .take, .take, .stage(1), .take, .stage(0), .publish, .collect,
    .submit, .submit, .take, .stage(0), .publish, .take, .collect, .submit, .take, .stage(1),
    .stage(1), .stage(0), .publish, .collect, .submit, .submit, .submit, .submit, .take, .take,
    .take, .take, .stage(3), .publish, .stage(1), .stage(1), .stage(0), .publish, .collect,
  ]

  @Test(arguments: [0, 65_531] as [UInt16])
  func `killed after any instruction, no request is lost and none is answered twice`(
    firstIndex: UInt16
  ) throws {
    let moments = try run(Self.acts, firstIndex: firstIndex)
    // Each take, stage and publish changes memory several times.
    #expect(moments.count > 80)
    for moment in moments {
      if let problem = try resume(moment, firstIndex: firstIndex) {
        Issue.record("act \(moment.act), first index \(firstIndex): \(problem)")
        return
      }
    }
  }

  @Test func `killed again while it recovers, the next one finds the same`() throws {
    var unsettled = 0
    for moment in try run(Self.acts, firstIndex: 0) {
      let used = moment.memory[0x2002]
      let recorded = moment.memory[0x210e]
      guard used != recorded else { continue }
      unsettled += 1
      let memory = try revive(moment)
      let configuration = try MockDriver(memory, size: 4).configuration()
      try memory.write(moment.memory, at: GuestAddress(Self.start))
      let record = try RecordBench(memory).record()
      let watched = try #require(
        try memory.unsafeHostRange(at: GuestAddress(Self.start), count: Self.length).baseAddress)
      let trace = try InstructionSteps.watch(watched, count: Self.length, limit: 64) {
        _ = try SplitQueue(configuration, in: memory, features: [], inflight: record)
      }
      #expect(trace.states.count > 1)
      for state in trace.states {
        var second = moment
        second.memory = state
        if let problem = try resume(second, firstIndex: 0) {
          Issue.record("act \(moment.act): \(problem)")
          return
        }
      }
    }
    #expect(unsettled > 5)
  }
}
