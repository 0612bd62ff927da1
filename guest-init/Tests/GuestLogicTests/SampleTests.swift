import GuestLogic
import Testing
import Wire

@Suite struct SampleTests {
  private func batch(_ count: Int) -> SampleBatch {
    SampleBatch(
      monotonic: 5,
      samples: (0..<count).map {
        Sample(
          id: WorkerID(work: 0, worker: UInt16($0)), iterations: 1, cpuNanoseconds: 2,
          longestGapNanoseconds: 3)
      })
  }

  @Test func `a piece is as large as a frame takes, and no sample is lost between two`() throws {
    let whole = batch(SampleBatch.maximumCount + 1)
    let pieces = whole.split()
    #expect(pieces.map(\.samples.count) == [SampleBatch.maximumCount, 1])
    for piece in pieces {
      let frame = Event.samples(piece).frame(sequence: 0)
      #expect(frame.payload.count <= Frame.maximumPayload)
      #expect(try Event(decoding: frame) == .samples(piece))
    }
  }

  @Test(arguments: [0, 1, 9, 10, 11, 20, 25])
  func `pieces hold all samples in order`(count: Int) {
    let whole = batch(count)
    let pieces = whole.split(every: 10)
    #expect(pieces.flatMap(\.samples) == whole.samples)
    #expect(pieces.allSatisfy { $0.samples.count <= 10 && $0.monotonic == 5 })
    #expect(pieces.count == max(1, (count + 9) / 10))
  }

  @Test func `samples are due at multiples of the interval`() {
    var clock = SampleClock(start: 1_000_000, interval: 10_000_000)
    #expect(clock.isDue(at: 10_999_999) == false)
    #expect(clock.isDue(at: 11_000_000) == true)
    #expect(clock.next == 21_000_000)
  }

  @Test func `a late sample is one sample and keeps the rhythm`() {
    var clock = SampleClock(start: 0, interval: 10_000_000)
    #expect(clock.isDue(at: 47_000_000) == true)
    #expect(clock.isDue(at: 47_000_001) == false)
    #expect(clock.next == 50_000_000)
    #expect(clock.count == 1)
  }

  @Test func `an interval of 0 asks for no samples and a tiny one is held back`() {
    var none = SampleClock(start: 0, interval: 0)
    #expect(none.isDue(at: .max - 1) == false)
    var tiny = SampleClock(start: 0, interval: 1)
    #expect(tiny.isDue(at: 999_999) == false)
    #expect(tiny.isDue(at: 3_600_000_000_000) == true)
    #expect(tiny.next == 3_600_001_000_000)
  }

  @Test func `the end of time is not passed`() {
    var clock = SampleClock(start: .max - 5, interval: 2_000_000)
    #expect(clock.next == .max)
    clock = SampleClock(start: .max - 2_000_001, interval: 2_000_000)
    #expect(clock.isDue(at: .max - 1) == true)
    #expect(clock.next == .max)
  }
}
