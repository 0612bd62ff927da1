import Foundation
import Machine
import Testing

@Suite struct MachineTopologyTests {
  private func decode(_ nodes: Int, _ caches: Int, _ cores: Int, _ threads: Int) throws
    -> MachineTopology
  {
    try JSONDecoder().decode(
      MachineTopology.self,
      from: Data(
        """
        {"nodes": \(nodes), "lastLevelCaches": \(caches), "coresPerCache": \(cores),
         "threadsPerCore": \(threads)}
        """.utf8))
  }

  @Test func `what was written is read back`() throws {
    let topology = MachineTopology(
      nodes: 2, lastLevelCaches: 4, coresPerCache: 3, threadsPerCore: 2)
    let read = try JSONDecoder().decode(
      MachineTopology.self, from: try JSONEncoder().encode(topology))
    #expect(read == topology)
    #expect(read.cpus == 24)
  }

  @Test(arguments: [
    [1, .max, .max, 2], [1, 1 << 40, 1 << 40, 1], [1, 1 << 20, 1 << 20, 1 << 20], [1, -1, 1, 1],
    [0, 1, 1, 1], [1, 1, 0, 1], [1, 1, 1, .min], [2, 3, 1, 1], [-1, 1, 1, 1],
  ])
  func `an edited file that makes no sense is an error, no trap`(counts: [Int]) {
    #expect(throws: DecodingError.self) {
      try decode(counts[0], counts[1], counts[2], counts[3])
    }
  }

  @Test func `APIC ids have gaps where counts are no powers of two`() {
    func highest(_ caches: Int, _ cores: Int, _ threads: Int) -> Int {
      MachineTopology(
        nodes: 1, lastLevelCaches: caches, coresPerCache: cores, threadsPerCore: threads
      ).highestAPICID
    }
    #expect(highest(1, 1, 1) == 0)
    #expect(highest(1, 254, 1) == 253)
    #expect(highest(2, 2, 2) == 7)
    #expect(highest(64, 1, 3) == 254)
    #expect(highest(84, 1, 3) == 334)
    #expect(highest(2, 3, 3) == 1 << 4 | 2 << 2 | 2)
  }
}
