import Explain
import Scenario
import Testing

@Suite struct CompanionWordsTests {
  private static let text = """
    {
      "ktstr": 1, "name": "t", "machine": { "cpus": 2 },
      "work": [ { "name": "spin", "type": "spin" } ],
      "schedulers": [
        { "name": "fifo", "object": "fifo.bpf.o" }, { "name": "own", "program": "scx_x" }
      ],
      "payload": [ { "name": "p", "program": "fio", "limit": "3s" } ],
      "phases": [
        { "name": "one", "actions": [ { "startScheduler": "fifo" }, { "runPayload": "p" } ],
          "hold": "1s" },
        { "name": "two", "actions": [ { "replaceScheduler": "fifo", "with": "own" } ],
          "hold": "1s" },
        { "name": "three", "actions": [ { "stopScheduler": "own" } ], "hold": "1s" }
      ]
    }
    """

  @Test func `schedulers and programs in phases are told with their times`() throws {
    let scenario = try ExplanationTests.scenario(Self.text)
    let lines = ExplanationTests.lines(scenario)
    let whole = lines.map { $0.split(separator: " ").joined(separator: " ") }
      .joined(separator: " ")
    for sentence in [
      "fifo: the BPF object fifo.bpf.o.", "own: the program scx_x.",
      "The work begins under the kernel's own scheduler; phases change that.",
      "between them the kernel's own has the work.",
      "fio, for 3s at most, when a phase runs it.",
      "attach the scheduler fifo; run p and wait until it ends; hold for 1s",
      "take the scheduler fifo off and attach own; hold for 1s",
      "take the scheduler own off, back to the kernel's own; hold for 1s",
    ] {
      #expect(whole.contains(sentence), "\(sentence) in \(lines.joined(separator: "\n"))")
    }
    #expect(!whole.contains("It must be attached before the work begins"))
  }
}
