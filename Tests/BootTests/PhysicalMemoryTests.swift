import Boot
import Testing

@Suite struct PhysicalMemoryTests {
  static let page: UInt64 = 4096
  static let gibibyte: UInt64 = 1 << 30
  static let four: UInt64 = 4 << 30

  @Test(
    arguments: [
      (16 << 20, 16 << 20, nil),
      (3 << 30, 3 << 30, nil),
      ((3 << 30) + 4096, 3 << 30, (4 << 30)..<((4 << 30) + 4096)),
      (4 << 30, 3 << 30, (4 << 30)..<(5 << 30)),
      (1 << 40, 3 << 30, (4 << 30)..<((1 << 40) + (1 << 30))),
      (32 << 40, 3 << 30, (4 << 30)..<((32 << 40) + (1 << 30))),
    ] as [(UInt64, UInt64, Range<UInt64>?)])
  func `RAM is laid around the hole and none is lost`(
    bytes: UInt64, lowEnd: UInt64, high: Range<UInt64>?
  ) throws {
    let memory = try PhysicalMemory(bytes: bytes)
    #expect(memory.low == 0..<lowEnd)
    #expect(memory.high == high)
    #expect(memory.slots.map(\.range) == [memory.low] + (high.map { [$0] } ?? []))
    #expect(memory.slots.map(\.fileOffset) == (high == nil ? [0] : [0, 3 << 30]))
    let total = memory.slots.reduce(0) { $0 + $1.range.upperBound - $1.range.lowerBound }
    #expect(total == bytes)
    for slot in memory.slots { #expect(!slot.range.overlaps(GuestLayout.hole)) }
  }

  @Test func `sizes that are no RAM are refused`() {
    func expect(_ bytes: UInt64, _ error: PhysicalMemoryError) {
      #expect(throws: error) { try PhysicalMemory(bytes: bytes) }
    }
    expect(0, .outOfRange(bytes: 0))
    expect(1, .notPages(bytes: 1))
    expect((16 << 20) - 4096, .outOfRange(bytes: (16 << 20) - 4096))
    expect((16 << 20) + 1, .notPages(bytes: (16 << 20) + 1))
    expect((3 << 30) + 512, .notPages(bytes: (3 << 30) + 512))
    expect((32 << 40) + 4096, .outOfRange(bytes: (32 << 40) + 4096))
    expect(.max, .notPages(bytes: .max))
    expect(.max & ~4095, .outOfRange(bytes: .max & ~4095))
  }

  @Test func `the memory map of 4 GiB`() throws {
    let map = try PhysicalMemory(bytes: Self.four).map
    #expect(
      map.map(\.range) == [
        0..<0x9_fc00, 0x9_fc00..<0xa_0000, 0xc_0000..<0x10_0000, 0x10_0000..<0xc000_0000,
        0x1_0000_0000..<0x1_4000_0000,
      ])
    #expect(map.map(\.kind) == [.memory, .reserved, .reserved, .memory, .memory])
    #expect(map.map(\.kind.rawValue) == [1, 2, 2, 1, 1])
  }

  @Test func `the memory map of a small guest has nothing above`() throws {
    let map = try PhysicalMemory(bytes: 16 << 20).map
    #expect(map.count == 4)
    #expect(map.last?.range == 0x10_0000..<0x100_0000)
  }

  @Test func `a guest range has a place in the file only where it is within one slot`() throws {
    let memory = try PhysicalMemory(bytes: Self.four)
    #expect(memory.fileOffset(of: 0x1000..<0x2000) == 0x1000)
    #expect(memory.fileOffset(of: 0..<0xc000_0000) == 0)
    #expect(memory.fileOffset(of: 0x1_0000_0000..<0x1_0000_1000) == 0xc000_0000)
    #expect(memory.fileOffset(of: 0x1_3fff_f000..<0x1_4000_0000) == 0xffff_f000)
    #expect(memory.fileOffset(of: 0xbfff_f000..<0xc000_0001) == nil)
    #expect(memory.fileOffset(of: 0xc000_1000..<0xc000_2000) == nil)
    #expect(memory.fileOffset(of: 0xbfff_f000..<0x1_0000_1000) == nil)
    #expect(memory.fileOffset(of: 0x1_3fff_f000..<0x1_4000_0001) == nil)
  }

  @Test func `a node on both sides of the hole has two ranges`() throws {
    let memory = try PhysicalMemory(bytes: 8 << 30)
    let nodes = try memory.nodes(of: [2 << 30, 2 << 30, 4 << 30])
    #expect(
      nodes == [
        NodeMemory(node: 0, ranges: [0..<0x8000_0000]),
        NodeMemory(
          node: 1, ranges: [0x8000_0000..<0xc000_0000, 0x1_0000_0000..<0x1_4000_0000]),
        NodeMemory(node: 2, ranges: [0x1_4000_0000..<0x2_4000_0000]),
      ])
    #expect(nodes.map(\.bytes) == [2 << 30, 2 << 30, 4 << 30])
  }

  @Test func `a node that ends at the hole has one range`() throws {
    let nodes = try PhysicalMemory(bytes: 4 << 30).nodes(of: [3 << 30, 1 << 30])
    #expect(nodes.map(\.ranges) == [[0..<0xc000_0000], [0x1_0000_0000..<0x1_4000_0000]])
  }

  @Test func `a node may have no memory`() throws {
    let nodes = try PhysicalMemory(bytes: 16 << 20).nodes(of: [0, 16 << 20, 0])
    #expect(nodes.map(\.ranges) == [[], [0..<(16 << 20)], []])
    #expect(nodes.map(\.node) == [0, 1, 2])
  }

  @Test func `nodes that do not make up the memory are refused`() throws {
    let memory = try PhysicalMemory(bytes: 16 << 20)
    func expect(_ sizes: [UInt64], _ error: PhysicalMemoryError) {
      #expect(throws: error) { try memory.nodes(of: sizes) }
    }
    expect([], .nodesDiffer(sum: 0, memory: 16 << 20))
    expect([8 << 20], .nodesDiffer(sum: 8 << 20, memory: 16 << 20))
    expect([8 << 20, 9 << 20], .nodesDiffer(sum: 17 << 20, memory: 16 << 20))
    expect([1 << 63, 1 << 63, 16 << 20], .nodesDiffer(sum: nil, memory: 16 << 20))
    expect([(8 << 20) + 1, (8 << 20) - 1], .nodeNotPages(node: 0, bytes: (8 << 20) + 1))
  }

  @Test func `nodes of any sizes tile the slots`() throws {
    let seed: UInt64 = 0x6b74_7374_7204
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let sizes = (0..<Int.random(in: 1...9, using: &generator)).map { _ in
        UInt64.random(in: 0...(1 << 19), using: &generator) * Self.page
      }
      let bytes = max(sizes.reduce(0, +), 16 << 20)
      let rest = bytes - sizes.reduce(0, +)
      let memory = try PhysicalMemory(bytes: bytes)
      let nodes = try memory.nodes(of: sizes + [rest])
      #expect(nodes.map(\.bytes) == sizes + [rest], "seed \(seed)")
      // Neighbours put together are the slots again.
      var joined: [Range<UInt64>] = []
      for range in nodes.flatMap(\.ranges) {
        if let last = joined.last, last.upperBound == range.lowerBound {
          joined[joined.count - 1] = last.lowerBound..<range.upperBound
        } else {
          joined.append(range)
        }
      }
      #expect(joined == memory.slots.map(\.range), "seed \(seed)")
    }
  }
}
