import Evidence
import Harness
import Testing

@Suite struct HostTimesTests {
  @Test
  func `the difference of two readings counts threads that are new, and not those that ended`() {
    let before = HostTimes(threads: [
      "1": .init(cpu: 100, runDelay: 10), "2": .init(cpu: 5, runDelay: 5),
      "3": .init(cpu: 900, runDelay: 9),
    ])
    let after = HostTimes(threads: [
      "1": .init(cpu: 150, runDelay: 30), "4": .init(cpu: 7, runDelay: 1),
      // The id of a thread that ended, given anew.
      "3": .init(cpu: 2, runDelay: 3),
    ])
    #expect(
      after.noise(since: before)
        == HostNoise(cpuNanoseconds: 50 + 7 + 2, runDelayNanoseconds: 20 + 1 + 3))
    #expect(after.noise(since: HostTimes(threads: [:])) == nil)
    #expect(HostTimes(threads: [:]).noise(since: before) == nil)
  }

  @Test func `a process's threads are read from the kernel`() throws {
    let before = HostTimes(ofProcess: "self")
    #expect(!before.threads.isEmpty)
    var sum: UInt64 = 1
    var noise = HostNoise(cpuNanoseconds: 0, runDelayNanoseconds: 0)
    // The kernel's account of a running thread moves with its ticks.
    for _ in 0..<1_000 where noise.cpuNanoseconds == 0 {
      for step in 0..<100_000 as Range<UInt64> { sum = sum &* 31 &+ step }
      noise = try #require(HostTimes(ofProcess: "self").noise(since: before))
    }
    #expect(noise.cpuNanoseconds > 0, "\(sum)")
    #expect(HostTimes(ofProcess: "0").threads.isEmpty)
  }
}
