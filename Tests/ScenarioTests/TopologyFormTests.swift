import Scenario
import Testing
import Topology

@Suite struct TopologyFormTests {
  /// The machine that a scenario with this text for `machine` has.
  private func machine(_ text: String) throws -> MachineSpec {
    try decode(
      """
      {"ktstr": 1, "name": "t", "machine": {\(text)}, "duration": "1s",
       "work": [{"name": "s", "type": "spin"}]}
      """
    ).scenario.machine
  }

  /// What the scenario with this text for `machine` is refused with.
  private func refusal(_ text: String) -> [String] {
    refusals(
      """
      {"ktstr": 1, "name": "t", "duration": "1s", "work": [{"name": "s", "type": "spin"}],
      "machine": {\(text)}}
      """)
  }

  @Test func `nodes are described one by one`() throws {
    let machine = try machine(
      #"""
      "memory": "2GiB",
      "topology": {
        "nodes": [{"llcs": 2}, {"llcs": 1, "memory": "512MiB"}, {"llcs": 0, "memory": "256MiB"}],
        "cores": 3, "threads": 2,
        "distances": [[10, 21, 40], [21, 10, 30], [40, 30, 10]]
      }
      """#)
    #expect(
      machine.topology
        == (try CPUTopology(
          nodes: [
            .init(llcs: 2), .init(llcs: 1, memoryBytes: 512 << 20),
            .init(llcs: 0, memoryBytes: 256 << 20),
          ], coresPerLLC: 3, threadsPerCore: 2,
          distances: [[10, 21, 40], [21, 10, 30], [40, 30, 10]])))
    #expect(machine.cpus == 18 && machine.memory == 2 << 30)
  }

  @Test func `one thread and even distances need no words`() throws {
    let machine = try machine(
      #""topology": {"nodes": [{"llcs": 1}, {"llcs": 1}], "cores": 2}"#)
    #expect(machine.topology == (try CPUTopology("2n2l2c1t")))
    #expect(machine.memory == MachineSpec.defaultMemory)
  }

  @Test func `where all nodes have memory of their own, it adds up`() throws {
    let nodes = #"[{"llcs": 1, "memory": "96MiB"}, {"llcs": 1, "memory": "32MiB"}]"#
    #expect(try machine(#""topology": {"nodes": \#(nodes), "cores": 1}"#).memory == 128 << 20)
    #expect(
      refusal(#""topology": {"nodes": \#(nodes), "cores": 1}, "memory": "256MiB""#) == [
        "t.json:2:124: machine.memory: expected as much memory as all nodes have, 128MiB, "
          + "found 256MiB"
      ])
    #expect(
      refusal(#""topology": {"nodes": [{"llcs": 1, "memory": "32MiB"}], "cores": 1}"#) == [
        "t.json:2:25: machine.topology: expected nodes with 64MiB to 256GiB of memory in all, "
          + "found 32MiB"
      ])
  }

  @Test func `nodes without memory of their own get something`() {
    let nodes = #"[{"llcs": 1, "memory": "512MiB"}, {"llcs": 1}]"#
    #expect(
      refusal(#""topology": {"nodes": \#(nodes), "cores": 1}"#) == [
        "t.json:2:25: machine.topology: expected more memory than the 512MiB that nodes have of "
          + "their own, and 2MiB for each of the other 1, found 512MiB"
      ])
    #expect(
      refusal(#""memory": "514MiB", "topology": {"nodes": \#(nodes), "cores": 1}"#) == [])
  }

  @Test(
    arguments: [
      (#"7"#, [":25: machine.topology: expected a topology such as"]),
      (#"{"cores": 1}"#, [#":25: machine.topology: missing key "nodes""#]),
      (#"{"nodes": [{"llcs": 1}]}"#, [#":25: machine.topology: missing key "cores""#]),
      (
        #"{"nodes": [{"llcs": 1}], "cores": 1, "thread": 2}"#,
        [#":62: machine.topology: unknown key "thread"; did you mean "threads"?"#]
      ),
      (
        #"{"nodes": 1, "cores": 1}"#,
        [":35: machine.topology.nodes: expected a list, found 1"]
      ),
      (
        #"{"nodes": [], "cores": 1}"#,
        [":35: machine.topology.nodes: expected 1 to 256 NUMA nodes, found 0"]
      ),
      (
        #"{"nodes": [{"llcs": 0}], "cores": 1}"#,
        [":35: machine.topology.nodes: expected a node with LLCs, found none"]
      ),
      (
        #"{"nodes": [{"llcs": 1}, {"llcs": 0}, {"llcs": 1}], "cores": 1}"#,
        [
          ":49: machine.topology.nodes[1]: expected nodes without LLCs behind all others, found "
            + "node 1 before one with LLCs"
        ]
      ),
      (
        #"{"nodes": [{}, {"llcs": 1025}], "cores": 0, "threads": "x"}"#,
        [
          #":36: machine.topology.nodes[0]: missing key "llcs""#,
          ":49: machine.topology.nodes[1].llcs: expected a whole number from 0 to 1024, found 1025",
          ":66: machine.topology.cores: expected a whole number from 1 to 1024, found 0",
          #":80: machine.topology.threads: expected a whole number from 1 to 1024, found "x""#,
        ]
      ),
      (
        #"{"nodes": [{"llcs": 5}], "cores": 41, "threads": 5}"#,
        [":25: machine.topology: expected at most 1024 CPUs, found 1025"]
      ),
      (
        #"{"nodes": [{"llcs": 254}], "cores": 254, "threads": 254}"#,
        [":25: machine.topology: expected at most 1024 CPUs, found 16387064"]
      ),
      (
        #"{"nodes": [{"llcs": 1, "memory": "5KB"}], "cores": 1}"#,
        [":58: machine.topology.nodes[0].memory: expected a multiple of 4KiB, found \"5KB\""]
      ),
      (
        #"{"nodes": [{"llcs": 1}], "cores": 1, "distances": 10}"#,
        [":75: machine.topology.distances: expected a list, found 10"]
      ),
      (
        #"{"nodes": [{"llcs": 1}], "cores": 1, "distances": [10]}"#,
        [":76: machine.topology.distances[0]: expected a list, found 10"]
      ),
      (
        #"{"nodes": [{"llcs": 1}], "cores": 1, "distances": []}"#,
        [
          ":75: machine.topology.distances: expected a row of distances for each of 1 nodes, found 0"
        ]
      ),
      (
        #"{"nodes": [{"llcs": 1}], "cores": 1, "distances": [[10, 20]]}"#,
        [
          ":76: machine.topology.distances[0]: expected a distance for each of 1 nodes in row 0, "
            + "found 2"
        ]
      ),
      (
        #"{"nodes": [{"llcs": 1}, {"llcs": 1}], "cores": 1, "distances": [[10, 9], [255, 10]]}"#,
        [
          ":94: machine.topology.distances[0][1]: expected a whole number from 10 to 254, found 9",
          ":99: machine.topology.distances[1][0]: expected a whole number from 10 to 254, found 255",
        ]
      ),
      (
        #"{"nodes": [{"llcs": 1}, {"llcs": 1}], "cores": 1, "distances": [[10, 10], [10, 10]]}"#,
        [
          ":94: machine.topology.distances[0][1]: expected a distance from 11 to 254 of node 0 to "
            + "node 1, found 10"
        ]
      ),
      (
        #"{"nodes": [{"llcs": 1}, {"llcs": 1}], "cores": 1, "distances": [[10, 20], [20, 11]]}"#,
        [
          ":104: machine.topology.distances[1][1]: expected distance 10 of node 1 to itself, found 11"
        ]
      ),
      (
        #"{"nodes": [{"llcs": 1}, {"llcs": 1}], "cores": 1, "distances": [[10, 20], [30, 10]]}"#,
        [
          ":94: machine.topology.distances[0][1]: expected the same distance both ways, found 20 of "
            + "node 0 to node 1 and 30 back"
        ]
      ),
    ] as [(String, [String])])
  func `what is no topology is refused where it stands`(topology: String, expected: [String]) {
    let found = refusal("\"topology\": \(topology)")
    #expect(found.count == expected.count, "\(found)")
    for (line, part) in zip(found, expected) {
      #expect(line.hasPrefix("t.json:2" + part), "\(line)")
    }
  }
}
