import Testing
import Verdict

@Suite struct QuantityTests {
  @Test(arguments: [
    (0, Quantity.Unit.nanoseconds, "0 ns"), (999, .nanoseconds, "999 ns"),
    (1_000, .nanoseconds, "1 us"), (1_530_000_000, .nanoseconds, "1.53 s"),
    (984_700_000, .nanoseconds, "985 ms"), (999_700_000, .nanoseconds, "1 s"),
    (12_340_000, .nanoseconds, "12.3 ms"), (125_000_000_000, .nanoseconds, "125 s"),
    (18_446_744_073_709_551_616, .nanoseconds, "18446744074 s"), (511, .bytes, "511 B"),
    (1_024, .bytes, "1 KiB"), (13_002_342, .bytes, "12.4 MiB"), (1_048_575, .bytes, "1 MiB"),
    (4_398_046_511_104, .bytes, "4096 GiB"), (0, .count, "0"), (9_999, .count, "9999"),
    (12_400, .count, "12.4 k"), (3_000_000_000, .count, "3 G"), (4_100, .perSecond, "4.1 k/s"),
    (0.5, .perSecond, "0.5/s"), (0.126, .perSecond, "0.13/s"), (0.3, .ratio, "30 %"),
    (0.1234, .ratio, "12.3 %"), (1, .ratio, "100 %"), (.nan, .ratio, "unknown"),
    (.infinity, .bytes, "unknown"), (1e300, .count, "1e+288 T"),
  ])
  func `numbers are told for people`(value: Double, unit: Quantity.Unit, text: String) {
    #expect(Quantity(value, unit).text == text)
  }

  @Test func `two numbers in one sentence are told apart`() {
    let (measured, limit) = Quantity.texts(
      Quantity(400_100_000.0, .nanoseconds), Quantity(400_000_000.0, .nanoseconds))
    #expect((measured, limit) == ("400.1 ms", "400 ms"))
    let same = Quantity(7.0, .bytes)
    #expect(Quantity.texts(same, same) == ("7 B", "7 B"))
  }
}
