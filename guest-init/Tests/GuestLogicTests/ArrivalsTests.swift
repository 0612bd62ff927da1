import GuestLogic
import Testing

@Suite struct ArrivalsTests {
  @Test(arguments: [UInt64(1), 3, 1000, 1_000_000])
  func `requests arrive in order, each in its slot of the second`(rate: UInt64) {
    let arrivals = Arrivals(perSecond: rate, seed: 9)
    let slot = 1_000_000_000 / rate
    var last: UInt64 = 0
    for request in 0..<UInt64(2000) {
      let moment = arrivals.moment(of: request)
      #expect(moment >= last)
      #expect(moment / slot == request)
      last = moment
    }
  }

  @Test func `arrivals follow from the seed, and are spread over their slots`() {
    let (one, same) = (Arrivals(perSecond: 100, seed: 1), Arrivals(perSecond: 100, seed: 1))
    let other = Arrivals(perSecond: 100, seed: 2)
    #expect((0..<50).allSatisfy { one.moment(of: $0) == same.moment(of: $0) })
    #expect((0..<50).contains { one.moment(of: $0) != other.moment(of: $0) })
    let places = (0..<1000).map { Double(one.moment(of: $0) % 10_000_000) / 10_000_000 }
    #expect(abs(places.reduce(0, +) / 1000 - 0.5) < 0.05)
  }

  @Test func `rates of nothing and beyond the clock trap nothing`() {
    #expect(Arrivals(perSecond: 0, seed: 1).moment(of: 1) >= 1_000_000_000)
    #expect(Arrivals(perSecond: .max, seed: 1).moment(of: 5) == 5)
    _ = Arrivals(perSecond: 1, seed: 1).moment(of: .max)
  }
}
