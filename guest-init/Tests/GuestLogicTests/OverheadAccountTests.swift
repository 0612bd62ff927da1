import GuestLogic
import Testing

@Suite struct OverheadAccountTests {
  @Test func `each stretch is charged to what it was for`() {
    var account = OverheadAccount(cpu: 1000)
    account.note(isSampling: true, cpu: 1300)
    account.note(isSampling: false, cpu: 1350)
    account.note(isSampling: true, cpu: 1450)
    #expect(account.sampling == 400)
    #expect(account.total == 450)
  }

  @Test func `a clock that goes back charges nothing twice`() {
    var account = OverheadAccount(cpu: 1000)
    account.note(isSampling: true, cpu: 1300)
    account.note(isSampling: true, cpu: 900)
    account.note(isSampling: true, cpu: 1310)
    #expect(account.sampling == 310)
    #expect(account.total == 310)
  }

  @Test func `shares are of one CPU, in thousandths of a percent`() {
    var account = OverheadAccount(cpu: 0)
    account.note(isSampling: true, cpu: 4_000_000)
    account.note(isSampling: false, cpu: 4_050_000)
    #expect(
      account.text(elapsed: 5_000_000_000, samples: 50, workers: 64)
        == "init used 4050000 ns of CPU time for 50 samples: 0.081 % of one CPU, "
        + "0.080 % for the samples of 64 workers and 0.001 % for all else")
  }

  @Test(
    arguments: [
      (0, 1, "0.000"), (1, 1, "100.000"), (1, 100, "1.000"), (999, 100_000, "0.999"), (1, 0, "?"),
      (7, 100_000_000, "0.000"), (.max, .max, "100.000"), (.max / 4, .max / 2, "50.000"),
    ] as [(UInt64, UInt64, String)])
  func `percents have three digits and never overflow`(
    part: UInt64, whole: UInt64, percent: String
  ) {
    #expect(OverheadAccount.percent(part, of: whole) == percent + " %")
  }
}
