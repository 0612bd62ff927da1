import Testing
import Topology

@Suite struct MemorySharesTests {
  private func topology(_ memory: [UInt64?]) throws -> CPUTopology {
    try CPUTopology(
      nodes: memory.map { .init(llcs: 1, memoryBytes: $0) }, coresPerLLC: 1, threadsPerCore: 1)
  }

  @Test func `nodes that ask for nothing share evenly, the last one takes what is over`() throws {
    #expect(
      try topology([nil, nil]).memoryShares(of: 513 << 20)
        == [256 << 20, 257 << 20])
    #expect(
      try topology([nil, nil, nil]).memoryShares(of: 5 * 4096, granule: 4096) == [
        4096, 4096, 3 * 4096,
      ])
    #expect(try topology([nil]).memoryShares(of: 4096, granule: 4096) == [4096])
  }

  @Test func `a node's own memory comes first`() throws {
    #expect(
      try topology([nil, 8192, nil]).memoryShares(of: 5 * 4096, granule: 4096) == [
        4096, 8192, 8192,
      ])
    #expect(try topology([4096, 8192]).memoryShares(of: 3 * 4096, granule: 4096) == [4096, 8192])
    #expect(try topology([8192, nil]).memoryShares(of: 3 * 4096, granule: 4096) == [8192, 4096])
  }

  @Test func `shares that do not add up are refused`() throws {
    #expect(throws: CPUTopologyError.memoryShares(12288, total: 16384)) {
      try topology([4096, 8192]).memoryShares(of: 16384, granule: 4096)
    }
    #expect(throws: CPUTopologyError.memoryShares(12288, total: 8192)) {
      try topology([4096, 8192]).memoryShares(of: 8192, granule: 4096)
    }
    #expect(throws: CPUTopologyError.memoryShares(8192, total: 8192)) {
      try topology([8192, nil]).memoryShares(of: 8192, granule: 4096)
    }
    #expect(throws: CPUTopologyError.memoryShares(0, total: 8192)) {
      try topology([nil, nil, nil]).memoryShares(of: 8192, granule: 4096)
    }
    #expect(throws: CPUTopologyError.memoryShares(nil, total: 8192)) {
      try topology([1 << 63, 1 << 63]).memoryShares(of: 8192, granule: 4096)
    }
  }
}
