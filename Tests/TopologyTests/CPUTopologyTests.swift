import Foundation
import HostOS
import Testing
import Topology

@Suite struct CPUTopologyTests {
  @Test func `the short form is read and written`() throws {
    for text in ["1n1l1c1t", "2n4l8c2t", "1n3l5c1t", "3n3l3c3t", "1n4096l1c1t"] {
      #expect("\(try CPUTopology(text))" == text)
    }
    let topology = try CPUTopology("2n4l8c2t")
    #expect(topology.nodes == [.init(llcs: 2), .init(llcs: 2)])
    #expect(topology.cpuCount == 64 && topology.coreCount == 32 && topology.llcCount == 4)
  }

  @Test(arguments: [
    "", "1n1l1c", "1l1n1c1t", "1n1l1c1t ", " 1n1l1c1t", "1n1l1c1tx", "-1n1l1c1t", "1.5n1l1c1t",
    "n1l1c1t", "99999999999999999999n1l1c1t", "1n1l1c٣t", "1n 1l1c1t",
  ])
  func `text that is no short form is refused with itself`(text: String) {
    #expect(throws: CPUTopologyError.notation(text)) { try CPUTopology(text) }
  }

  @Test func `counts out of range are refused with the count`() {
    #expect(throws: CPUTopologyError.count(.nodes, 0, allowed: 1...256)) {
      try CPUTopology("0n1l1c1t")
    }
    #expect(throws: CPUTopologyError.count(.nodes, 257, allowed: 1...256)) {
      try CPUTopology("257n257l1c1t")
    }
    #expect(throws: CPUTopologyError.count(.llcs, 0, allowed: 1...4096)) {
      try CPUTopology("1n0l1c1t")
    }
    #expect(throws: CPUTopologyError.count(.coresPerLLC, 0, allowed: 1...4096)) {
      try CPUTopology("1n1l0c1t")
    }
    #expect(throws: CPUTopologyError.count(.threadsPerCore, .max, allowed: 1...4096)) {
      try CPUTopology("1n1l1c\(Int.max)t")
    }
    #expect(throws: CPUTopologyError.unevenLLCs(llcs: 3, nodes: 2)) {
      try CPUTopology("2n3l1c1t")
    }
    #expect(throws: CPUTopologyError.tooManyCPUs(4097, limit: 4096)) {
      try CPUTopology(nodes: [.init(llcs: 17)], coresPerLLC: 241, threadsPerCore: 1)
    }
    #expect(throws: CPUTopologyError.tooManyCPUs(1 << 36, limit: 4096)) {
      try CPUTopology("1n4096l4096c4096t")
    }
    #expect(throws: CPUTopologyError.memoryNodeFirst(1)) {
      try CPUTopology(
        nodes: [.init(llcs: 1), .init(llcs: 0), .init(llcs: 2), .init(llcs: 0)], coresPerLLC: 1,
        threadsPerCore: 1)
    }
    #expect(throws: CPUTopologyError.noCPUs) {
      try CPUTopology(nodes: [.init(llcs: 0)], coresPerLLC: 1, threadsPerCore: 1)
    }
  }

  @Test func `distances that are none are refused with their place`() throws {
    func make(_ distances: [[Int]]) throws -> CPUTopology {
      try CPUTopology(
        nodes: [.init(llcs: 1), .init(llcs: 1)], coresPerLLC: 1, threadsPerCore: 1,
        distances: distances)
    }
    #expect(try make([[10, 31], [31, 10]]).distances == [[10, 31], [31, 10]])
    #expect(try make([[10, 11], [11, 10]]).distances[1][0] == 11)
    #expect(try make([[10, 254], [254, 10]]).distances[0][1] == 254)
    #expect(throws: CPUTopologyError.distanceRows(1, nodes: 2)) { try make([[10, 20]]) }
    #expect(throws: CPUTopologyError.distanceShape(row: 1, length: 3, nodes: 2)) {
      try make([[10, 20], [20, 10, 20]])
    }
    #expect(throws: CPUTopologyError.distance(from: 1, to: 1, value: 11)) {
      try make([[10, 20], [20, 11]])
    }
    for value in [10, 255, 256, -1, .min, .max] {
      #expect(throws: CPUTopologyError.distance(from: 0, to: 1, value: value)) {
        try make([[10, value], [value, 10]])
      }
    }
    #expect(throws: CPUTopologyError.asymmetricDistance(from: 0, to: 1, value: 20, back: 21)) {
      try make([[10, 20], [21, 10]])
    }
  }

  @Test func `APIC ids have gaps where counts are no powers of two`() throws {
    #expect(try CPUTopology("1n1l1c1t").highestAPICID == 0)
    #expect(try CPUTopology("1n1l254c1t").highestAPICID == 253)
    #expect(try CPUTopology("1n2l2c2t").highestAPICID == 7)
    #expect(try CPUTopology("1n64l1c3t").highestAPICID == 254)
    #expect(try CPUTopology("1n84l1c3t").highestAPICID == 334)
    #expect(try CPUTopology("1n2l3c3t").highestAPICID == 1 << 4 | 2 << 2 | 2)
    #expect(
      try CPUTopology("1n3l5c1t").cpus.map(\.apicID) == [
        0, 1, 2, 3, 4, 8, 9, 10, 11, 12,
        16, 17, 18, 19, 20,
      ])
  }

  @Test func `each CPU of an uneven machine knows its place`() throws {
    let topology = try CPUTopology(
      nodes: [.init(llcs: 2), .init(llcs: 1), .init(llcs: 0), .init(llcs: 0)], coresPerLLC: 1,
      threadsPerCore: 3)
    #expect("\(topology)" == "4n(2l 1l 0l 0l)1c3t")
    #expect(topology.cpus.map(\.node) == [0, 0, 0, 0, 0, 0, 1, 1, 1])
    #expect(topology.cpus.map(\.llcInNode) == [0, 0, 0, 1, 1, 1, 0, 0, 0])
    #expect(topology.cpus.map(\.apicID) == [0, 1, 2, 4, 5, 6, 8, 9, 10])
    #expect(topology.cpus(ofNode: 2).isEmpty && topology.cpus(ofNode: 3).isEmpty)
    #expect(topology.cpus(ofNode: 1) == 6..<9)
    let cpu = topology.cpu(at: 7)
    #expect(cpu.node == 1 && cpu.llc == 2 && cpu.package == 2 && cpu.llcInNode == 0)
    #expect(cpu.core == 2 && cpu.coreInLLC == 0 && cpu.threadInCore == 1 && cpu.apicID == 9)
  }

  @Test func `places of CPUs agree with one another for random machines`() throws {
    let seed: UInt64 = 0x7090_1097
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      let topology = try RandomTopology.next(&random)
      let cpus = topology.cpus
      #expect(cpus.map(\.index) == Array(0..<topology.cpuCount), "seed \(seed): \(topology)")
      for cpu in cpus {
        #expect(topology.cpu(at: cpu.index) == cpu)
        #expect(topology.cpus(ofNode: cpu.node).contains(cpu.index))
        #expect(topology.cpus(ofLLC: cpu.llc).contains(cpu.index))
        #expect(
          topology.cpus(ofCore: cpu.core)[
            topology.cpus(ofCore: cpu.core).startIndex
              + cpu.threadInCore] == cpu.index)
        // What Linux shifts out of an APIC id.
        let shift = UInt32(topology.threadBits + topology.coreBits)
        #expect(Int(cpu.apicID >> shift) == cpu.llc)
        #expect(
          Int(cpu.apicID >> UInt32(topology.threadBits)) & ((1 << topology.coreBits) - 1)
            == cpu.coreInLLC)
        #expect(Int(cpu.apicID) < 1 << (topology.llcBits + Int(shift)))
      }
      #expect(zip(cpus, cpus.dropFirst()).allSatisfy { $0.apicID < $1.apicID })
    }
  }
}
