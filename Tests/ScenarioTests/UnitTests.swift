import Scenario
import Testing

@Suite struct UnitTests {
  private func duration(_ text: String) throws -> UInt64 {
    try decode(ScenarioText.good("\"5s\"", "\"\(text)\", \"timeout\": \"1440m\""))
      .scenario.durationNanoseconds
  }

  private func memory(_ text: String) throws -> UInt64 {
    try decode(ScenarioText.good("\"512MiB\"", "\"\(text)\"")).scenario.machine.memory
  }

  @Test(arguments: [
    ("1ns", 1), ("7us", 7_000), ("400ms", 400_000_000), ("5s", 5_000_000_000),
    ("2m", 120_000_000_000), ("1.5s", 1_500_000_000), ("0.001us", 1), ("0.5m", 30_000_000_000),
    ("1.500000000000000000000s", 1_500_000_000), ("007s", 7_000_000_000),
  ])
  func `times`(text: String, nanoseconds: UInt64) throws {
    #expect(try duration(text) == nanoseconds)
  }

  @Test(arguments: [
    ("134217728B", 134_217_728), ("131072KiB", 134_217_728), ("128MiB", 134_217_728),
    ("0.125GiB", 134_217_728), ("512MB", 512_000_000), ("128000KB", 128_000_000),
    ("100.5MiB", 105_381_888),
  ])
  func `sizes`(text: String, bytes: UInt64) throws {
    #expect(try memory(text) == bytes)
  }

  @Test(arguments: [
    "", "s", ".5s", "5.s", "1.2.3s", "5 s", " 5s", "5s ", "5e3s", "0x5s", "٥s", "5h", "5sec", "∞",
    "18446744073709551616ns", "1.0000000000000000001s", "0.1ns", "307445734561825861m",
  ])
  func `what is no time is refused`(text: String) {
    let lines = refusals(ScenarioText.good("\"5s\"", "\"\(text)\""))
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("t.json:10:15: duration: expected a time ") == true)
  }
}
