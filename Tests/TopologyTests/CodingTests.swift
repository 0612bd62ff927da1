import Foundation
import HostOS
import Testing
import Topology

@Suite struct CodingTests {
  private func decode(_ text: String) throws -> CPUTopology {
    try JSONDecoder().decode(CPUTopology.self, from: Data(text.utf8))
  }

  @Test func `what was written is read back`() throws {
    let seed: UInt64 = 0xc0d1_0900
    var random = SplitMix64(seed: seed)
    for _ in 0..<50 {
      let topology = try RandomTopology.next(&random)
      let read = try JSONDecoder().decode(
        CPUTopology.self, from: try JSONEncoder().encode(topology))
      #expect(read == topology, "seed \(seed)")
    }
  }

  @Test func `a gap in the APIC ids is read back, and no wider than it may be`() throws {
    let topology = try CPUTopology("1n3l2c1t").spreadingAPICIDs(by: 8)
    #expect(topology.cpus.map(\.apicID) == [0, 1, 512, 513, 1024, 1025])
    let bytes = try JSONEncoder().encode(topology)
    #expect(try JSONDecoder().decode(CPUTopology.self, from: bytes) == topology)
    let wild = String(decoding: bytes, as: UTF8.self).replacing(":8", with: ":99")
    #expect(try decode(wild) == topology)
    #expect(try decode(wild.replacing(":99", with: ":-1")).highestAPICID == 5)
  }

  @Test func `distances that nobody changed are not written`() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(try CPUTopology("2n2l1c1t")), as: UTF8.self)
    #expect(
      text == #"{"coresPerLLC":1,"nodes":[{"llcs":1},{"llcs":1}],"threadsPerCore":1}"#)
  }

  @Test(arguments: [
    #"{"nodes": [], "coresPerLLC": 1, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": -1}], "coresPerLLC": 1, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": 0}], "coresPerLLC": 1, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": 9223372036854775807}], "coresPerLLC": 2, "threadsPerCore": 2}"#,
    #"{"nodes": [{"llcs": 4096}, {"llcs": 4096}], "coresPerLLC": 1, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 1099511627776, "threadsPerCore": 1099511627776}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 4096, "threadsPerCore": 4096}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 0, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 1, "threadsPerCore": -9223372036854775808}"#,
    #"{"nodes": [{"llcs": 1, "memoryBytes": 0}], "coresPerLLC": 1, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": 1, "memoryBytes": 4097}], "coresPerLLC": 1, "threadsPerCore": 1}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 1, "threadsPerCore": 1, "distances": []}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 1, "threadsPerCore": 1, "distances": [[300]]}"#,
    #"{"nodes": [{"llcs": 1}], "coresPerLLC": 1}"#,
  ])
  func `an edited file that makes no sense is an error, no trap`(text: String) {
    #expect(throws: DecodingError.self) { try decode(text) }
  }
}
