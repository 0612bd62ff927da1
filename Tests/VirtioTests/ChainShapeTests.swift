import DriverMock
import GuestMemory
import Testing
import Virtio

/// Every chain that four descriptors can make, against the obvious model.
@Suite struct ChainShapeTests {
  typealias Entry = ChainModel.Entry

  private static let memorySize: UInt64 = 0x10_0000
  private static let tables: UInt64 = 0x8_0000
  private static let buffers: UInt64 = 0x9_0000

  /// A queue of four whose table follows the model's.
  private final class Bench {
    let raw: RawRings
    let memory: GuestMemoryMap
    var model: ChainModel
    var shapes = 0
    var accepted = 0
    private var available: UInt16 = 0

    init(offersIndirect: Bool = true) throws {
      memory = try makeMemory(ChainShapeTests.memorySize)
      let driver = try MockDriver(memory, size: 4)
      raw = try RawRings(driver)
      model = ChainModel(
        table: [Entry](repeating: Entry(), count: 4), offersIndirect: offersIndirect,
        memorySize: ChainShapeTests.memorySize)
      // A byte's value says where it lies.
      try memory.write(
        (0..<256).map { UInt8($0) }, at: GuestAddress(ChainShapeTests.buffers))
      queueFeatures = offersIndirect ? .indirectDescriptors : []
      configuration = try driver.configuration()
    }

    let queueFeatures: VirtioFeatures
    let configuration: QueueConfiguration

    func set(_ index: Int, _ entry: Entry) {
      model.table[index] = entry
      raw.setDescriptor(index, entry.address, entry.length, entry.flags, entry.next)
    }

    func setIndirect(_ number: UInt64, _ entries: [Entry]) throws {
      let address = ChainShapeTests.tables + number * 256
      model.indirectTables[address] = entries
      for (index, entry) in entries.enumerated() {
        try memory.write(
          MockDriver.encode(entry.address, entry.length, entry.flags, entry.next),
          at: GuestAddress(address + 16 * UInt64(index)))
      }
    }

    /// Compares queue and model for one head; a text when they differ.
    func compare(
      _ head: UInt16, _ queue: inout SplitQueue, _ chain: inout DescriptorChain,
      withContents: Bool
    ) -> String? {
      shapes += 1
      let expected = model.verdict(head)
      let error = load(head, &queue, &chain)
      switch expected {
      case .refused(let refusal):
        guard error == refusal, chain.readableByteCount + chain.writableByteCount == 0 else {
          return "\(model.table), head \(head): \(refusal) expected, got \(describe(error))"
        }
      case .accepted(let readable, let writable):
        accepted += 1
        let lengths = (sum(readable), sum(writable))
        guard error == nil, chain.head == head, chain.readableBufferCount == readable.count,
          chain.writableBufferCount == writable.count, chain.readableByteCount == lengths.0,
          chain.writableByteCount == lengths.1
        else { return "\(model.table), head \(head): \(expected) expected, got \(describe(error))" }
        guard !withContents || contents(chain) == bytes(readable) else {
          return "\(model.table), head \(head): wrong bytes"
        }
      }
      return nil
    }

    private func load(
      _ head: UInt16, _ queue: inout SplitQueue, _ chain: inout DescriptorChain
    ) -> QueueError? {
      do throws(QueueError) {
        try queue.load(head, into: &chain)
        return nil
      } catch {
        return error
      }
    }

    private func describe(_ error: QueueError?) -> String { error.map { "\($0)" } ?? "a chain" }
    private func sum(_ buffers: [ChainModel.Buffer]) -> Int {
      buffers.reduce(0) { $0 + Int($1.length) }
    }
    private func contents(_ chain: borrowing DescriptorChain) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: chain.readableByteCount)
      var span = bytes.mutableSpan
      var room = span.mutableBytes
      _ = chain.read(at: 0, into: &room)
      return bytes
    }
    private func bytes(_ buffers: [ChainModel.Buffer]) -> [UInt8] {
      buffers.flatMap { buffer in
        let first = buffer.address - ChainShapeTests.buffers
        return (first..<first + UInt64(buffer.length)).map { UInt8($0) }
      }
    }
  }

  // Tables behind indirect descriptors: a good one, two that end badly, one that is nested.
  private func fillTables(_ bench: Bench) throws {
    try bench.setIndirect(0, [Entry(address: Self.buffers + 100, length: 32, flags: 0, next: 0)])
    try bench.setIndirect(
      1,
      [
        Entry(address: Self.buffers + 150, length: 64, flags: 1, next: 1),
        Entry(address: Self.buffers + 220, length: 16, flags: 2, next: 0),
      ])
    try bench.setIndirect(2, [Entry(address: Self.tables, length: 16, flags: 4, next: 0)])
    try bench.setIndirect(
      3,
      [
        Entry(address: Self.buffers, length: 1, flags: 1, next: 1),
        Entry(address: Self.buffers, length: 1, flags: 1, next: 0),
      ])
  }

  /// All values of the flags and of next: without NEXT, next does not matter and is out of range.
  private func entries(_ index: Int) -> [Entry] {
    var result: [Entry] = []
    for flags in 0..<8 as Range<UInt16> {
      for next in flags % 2 == 1 ? [0, 1, 2, 3, 4] : [0xffff] as [UInt16] {
        var entry = Entry(
          address: Self.buffers + UInt64(index) * 16, length: 1 << UInt32(index), flags: flags,
          next: next)
        if flags >= 4 {
          entry.address = Self.tables + UInt64(index) * 256
          entry.length = [16, 32, 16, 32][index]
        }
        result.append(entry)
      }
    }
    return result
  }

  @Test(arguments: [true, false])
  func `Q13 Q14 Q16 Q17 Q18 Q20 Q21 Q23 every table of four descriptors is read as the model does`(
    offersIndirect: Bool
  ) throws {
    let bench = try Bench(offersIndirect: offersIndirect)
    try fillTables(bench)
    var queue = try SplitQueue(
      bench.configuration, in: bench.memory, features: bench.queueFeatures)
    var chain = DescriptorChain(capacity: 8)
    let choices = (0..<4).map(entries)
    for first in choices[0] {
      bench.set(0, first)
      for second in choices[1] {
        bench.set(1, second)
        for third in choices[2] {
          bench.set(2, third)
          for fourth in choices[3] {
            bench.set(3, fourth)
            // All heads are the same up to the names of descriptors, and one stands for them; the
            // others take their turns.
            let head = UInt16(bench.shapes % 4)
            for head in head == 0 ? [0] : [0, head] {
              if let problem = bench.compare(head, &queue, &chain, withContents: false) {
                Issue.record("\(problem)")
                return
              }
            }
          }
        }
      }
    }
    print("\(bench.shapes) tables compared, \(bench.accepted) of them chains")
    #expect(bench.shapes >= 24 * 24 * 24 * 24)
    #expect(bench.accepted > 1000)
  }

  @Test func `Q13 a head outside of the table is refused, whatever the table`() throws {
    let bench = try Bench()
    var queue = try SplitQueue(
      bench.configuration, in: bench.memory, features: bench.queueFeatures)
    var chain = DescriptorChain(capacity: 8)
    for head in 4...UInt16.max {
      if let problem = bench.compare(head, &queue, &chain, withContents: false) {
        Issue.record("\(problem)")
        return
      }
    }
  }

  /// What a descriptor can be when its length and the place of its buffer vary, too.
  private func varieties(_ index: Int) -> [Entry] {
    var result: [Entry] = []
    for flags in [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x8001] as [UInt16] {
      for next in flags % 2 == 1 ? [0, 1, 2, 3, 4] : [1] as [UInt16] {
        for length in [0, 5] as [UInt32] {
          for address in [
            Self.buffers + UInt64(index) * 16, Self.memorySize - 4, UInt64.max - 4,
          ] as [UInt64] {
            result.append(Entry(address: address, length: length, flags: flags, next: next))
          }
        }
      }
    }
    return result
  }

  /// Visits each chain from `index` on that differs in what is read; those that are not reached keep
  /// what they were.
  private func explore(
    _ index: Int, _ reached: Set<Int>, _ choices: [[Entry]], _ set: (Int, Entry) -> Void,
    _ visit: () -> Bool
  ) -> Bool {
    for entry in choices[index] {
      set(index, entry)
      let next = Int(entry.next)
      let goesOn = entry.flags < 4 && entry.hasNext && next < 4 && !reached.contains(next)
      let isSolid = entry.length == 0 || entry.address == Self.buffers + UInt64(index) * 16
      if goesOn && isSolid {
        guard explore(next, reached.union([next]), choices, set, visit) else { return false }
      } else if !visit() {
        return false
      }
    }
    return true
  }

  @Test
  func `Q14 Q15 Q17 Q18 Q23 Q24 Q25 every chain of up to four, with empty and unmapped buffers`()
    throws
  {
    let bench = try Bench()
    try fillTables(bench)
    var queue = try SplitQueue(
      bench.configuration, in: bench.memory, features: bench.queueFeatures)
    var chain = DescriptorChain(capacity: 8)
    var problem: String?
    _ = explore(0, [0], (0..<4).map(varieties), bench.set) {
      problem = bench.compare(0, &queue, &chain, withContents: true)
      return problem == nil
    }
    #expect(problem == nil)
    print("\(bench.shapes) chains compared, \(bench.accepted) of them good")
    #expect(bench.shapes > 50_000 && bench.accepted > 1000)
  }

  @Test(arguments: [0, 3] as [UInt64])
  func `Q20 every chain of up to four in an indirect table, aligned and not`(shift: UInt64) throws {
    let bench = try Bench()
    let address = Self.tables + 0x800 + shift
    bench.set(
      0, Entry(address: address, length: 64, flags: MockDriver.indirect, next: 0))
    bench.model.indirectTables[address] = [Entry](repeating: Entry(), count: 4)
    var queue = try SplitQueue(
      bench.configuration, in: bench.memory, features: bench.queueFeatures)
    var chain = DescriptorChain(capacity: 8)
    var problem: String?
    func set(_ index: Int, _ entry: Entry) {
      bench.model.indirectTables[address]?[index] = entry
      try? bench.memory.write(
        MockDriver.encode(entry.address, entry.length, entry.flags, entry.next),
        at: GuestAddress(address + 16 * UInt64(index)))
    }
    _ = explore(0, [0], (0..<4).map(entries), set) {
      problem = bench.compare(0, &queue, &chain, withContents: true)
      return problem == nil
    }
    #expect(problem == nil)
    print("\(bench.shapes) indirect chains compared, \(bench.accepted) of them good")
    #expect(bench.shapes > 300 && bench.accepted > 20)
  }
}
