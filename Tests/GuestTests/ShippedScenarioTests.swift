import Foundation
import HostOS
import Testing

extension Tag {
  /// Boots a real guest: needs QEMU, a kernel and the built `ktstr`.
  @Tag static var guest: Self
}

@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(5)))
struct ShippedScenarioTests {
  private let scratch = Scratch()

  @Test(arguments: ["smoke", "fairness", "disk", "phases"])
  func `shipped scenarios pass`(name: String) throws {
    let invocation = try Invocation.test(["Scenarios/\(name).json"], in: scratch)
    let run = try invocation.run()
    #expect(Invocation.failures(of: run) == [])
    #expect(run.verdict.status == "pass")
    #expect(invocation.status == .exited(0))
  }

  @Test func `a worker that the scenario starves fails by its gap and by nothing else`() throws {
    let invocation = try Invocation.test(["Scenarios/fails-starved.json"], in: scratch)
    let run = try invocation.run()
    let failures = Invocation.failures(of: run)
    #expect(failures.count == 1)
    #expect(failures.first?.hasPrefix("worker.gap: starved/0 stood still for") == true)
    #expect(invocation.status == .exited(1))
  }

  @Test func `a disk slower than asked for fails by its rate and by nothing else`() throws {
    let invocation = try Invocation.test(["Scenarios/fails-slow-disk.json"], in: scratch)
    let run = try invocation.run()
    let failures = Invocation.failures(of: run)
    #expect(failures.count == 1)
    #expect(failures.first?.hasPrefix("worker.rate: disk/0 did") == true)
    #expect(invocation.status == .exited(1))
  }

  @Test func `a run directory holds all evidence of its run`() throws {
    let invocation = try Invocation.test(["Scenarios/smoke.json"], in: scratch)
    let run = try invocation.run()
    let names = try Files.entries(of: run.directory)
    #expect(
      names == [
        "console.log", "counters.jsonl", "engine.log", "events.jsonl", "machine.json",
        "outcome.json", "plan.bin", "run.json", "scenario.json", "telemetry.bin",
        "timeline.jsonl", "verdict.json",
      ])
    let given = try Files.read(KtstrProcess.root + "/Scenarios/smoke.json", limit: 1 << 20)
    #expect(try Files.read(run.directory + "/scenario.json", limit: 1 << 20) == given)
    let console = try Files.read(run.directory + "/console.log", limit: 1 << 24)
    #expect(String(decoding: console, as: UTF8.self).contains("Linux version"))
    for name in ["events.jsonl", "counters.jsonl", "timeline.jsonl"] {
      let lines = try Files.read(run.directory + "/" + name, limit: 1 << 24)
        .split(separator: UInt8(ascii: "\n"))
      #expect(lines.count > 3, "\(name)")
      for line in lines {
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line)) }
      }
    }
  }

  @Test func `two at once in one directory both succeed`() throws {
    let arguments = [
      "test", "Scenarios/smoke.json", "--output", "\(scratch.path)/results",
    ]
    let first = try KtstrProcess(arguments)
    let second = try KtstrProcess(arguments)
    #expect(try first.finish() == .exited(0), "\(first.output)\(first.errors)")
    #expect(try second.finish() == .exited(0), "\(second.output)\(second.errors)")
    // An engine fault would have made a second attempt, with a directory of its own.
    let retries = [first, second].count { $0.output.contains("retried") }
    #expect(try Files.entries(of: "\(scratch.path)/results").count == 2 + retries)
  }

  @Test func `a corrupting disk is caught by verification`() throws {
    let scenario = try scratch.write(
      """
      {
        "ktstr": 1, "name": "corrupt", "duration": "1s",
        "machine": {
          "cpus": 1,
          "disk": {"size": "16MiB",
                   "faults": [{"operation": "read", "effect": "corrupt", "probability": 0.2}]}
        },
        "work": [{"name": "disk", "type": "diskVerify", "bytes": "1MiB"}]
      }
      """, to: "corrupt.json")
    let invocation = try Invocation.test([scenario], in: scratch)
    let run = try invocation.run()
    #expect(run.verdict.status == "fail")
    #expect(Invocation.failures(of: run).contains { $0.hasPrefix("disk.verified") })
    #expect(invocation.status == .exited(1))
  }

  @Test func `a failing disk is told by the device's counters and by the worker`() throws {
    let scenario = try scratch.write(
      """
      {
        "ktstr": 1, "name": "failing", "duration": "1s",
        "machine": {
          "cpus": 1,
          "disk": {"size": "16MiB", "faults": [{"operation": "write", "effect": "error"}]}
        },
        "work": [{"name": "disk", "type": "diskVerify", "bytes": "1MiB"}]
      }
      """, to: "failing.json")
    let invocation = try Invocation.test([scenario], in: scratch)
    let run = try invocation.run()
    #expect(run.verdict.status == "fail")
    #expect(Invocation.failures(of: run).contains { $0.hasPrefix("device.ioErrors") })
  }

  @Test func `a guest has the NUMA nodes and caches that its scenario declares`() throws {
    let scenario = try scratch.write(
      """
      {
        "ktstr": 1, "name": "topology", "duration": "500ms",
        "machine": {"topology": "2n2l2c1t", "memory": "768MiB"},
        "work": [{"name": "spin", "type": "spin", "workers": 4}]
      }
      """, to: "topology.json")
    let run = try Invocation.test([scenario], in: scratch).run()
    #expect(Invocation.failures(of: run) == [])
    let console = String(
      decoding: try Files.read(run.directory + "/console.log", limit: 1 << 24), as: UTF8.self)
    #expect(console.contains("smp: Brought up 2 nodes, 4 CPUs"))
  }

  @Test func `a guest has uneven nodes, one of memory only, and their distances`() throws {
    let scenario = try scratch.write(
      """
      {
        "ktstr": 1, "name": "uneven", "duration": "500ms",
        "machine": {
          "memory": "768MiB",
          "topology": {
            "nodes": [{"llcs": 2}, {"llcs": 1}, {"llcs": 0, "memory": "128MiB"}],
            "cores": 1, "threads": 2, "distances": [[10, 21, 40], [21, 10, 30], [40, 30, 10]]
          }
        },
        "work": [{"name": "spin", "type": "spin", "workers": 4}]
      }
      """, to: "uneven.json")
    let run = try Invocation.test([scenario], in: scratch).run()
    #expect(Invocation.failures(of: run) == [])
    let events = String(
      decoding: try Files.read(run.directory + "/events.jsonl", limit: 1 << 24), as: UTF8.self)
    #expect(events.contains(#""cpus":"","distances":[40,30,10],"event":"node""#))
  }
}
