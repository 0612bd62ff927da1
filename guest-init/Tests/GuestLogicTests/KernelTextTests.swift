import GuestLogic
import Testing
import Wire

@Suite struct KernelTextTests {
  @Test func `each CPU has its times, steal apart and guests not twice`() {
    let stat = """
      cpu  9 9 9 9 9 9 9 9 9 9
      cpu0 1 2 3 40 50 6 7 8 1 1
      cpu12 0 0 0 1 0 0 0 0
      cpu13 0 0 0
      intr 1 2 3
      """
    #expect(
      KernelTexts.cpuTimes([UInt8](stat.utf8)) == [
        CPUTimes(cpu: 0, busy: 190_000_000, idle: 900_000_000, steal: 80_000_000),
        CPUTimes(cpu: 12, busy: 0, idle: 10_000_000, steal: 0),
      ])
  }

  @Test func `pressure is told in microseconds`() {
    let text = """
      some avg10=1.00 avg60=2.00 avg300=3.00 total=123
      full avg10=0.00 avg60=0.00 avg300=0.00 total=45
      """
    let found = KernelTexts.pressure([UInt8](text.utf8))
    #expect(found?.some == 123_000)
    #expect(found?.full == 45_000)
    let one = KernelTexts.pressure([UInt8]("some avg10=1.00 total=7\n".utf8))
    #expect(one?.some == 7_000)
    #expect(one != nil && one?.full == nil)
    #expect(KernelTexts.pressure([]) == nil)
    #expect(KernelTexts.pressure([UInt8]("some total=18446744073709551615".utf8)) == nil)
  }

  @Test func `counters have a name and a number`() {
    let text = "SCX_EV_A 0\nSCX_EV_B 12\nSCX_EV_C -1\nodd\nSCX_EV_D 3 4\n"
    #expect(
      KernelTexts.counts([UInt8](text.utf8)) == [
        NamedCount(name: "SCX_EV_A", count: 0), NamedCount(name: "SCX_EV_B", count: 12),
      ])
  }

  @Test func `memory that nobody shares is counted where it is, in KiB`() {
    let maps = """
      00400000 default file=/ktstr/init mapped=60 mapmax=9 active=0 N0=60 kernelpagesize_kB=4
      00500000 default file=/ktstr/init anon=2 dirty=2 N1=2 kernelpagesize_kB=4
      7f0000000000 default anon=10 dirty=10 active=0 N0=3 N1=7 kernelpagesize_kB=4
      7f1000000000 bind:1 anon=2 dirty=2 N1=2 kernelpagesize_kB=2048
      7f2000000000 default anon=5 dirty=5 mapmax=4 N0=5 kernelpagesize_kB=4
      7f3000000000 default file=/dev/zero\\040(deleted) dirty=5 N0=5 kernelpagesize_kB=4
      7f4000000000 default anon=1 N99999=1 Nx=2
      """
    #expect(
      KernelTexts.privateMemory([UInt8](maps.utf8)) == [
        .init(place: 0, count: 12), .init(place: 1, count: 8 + 28 + 4096),
      ])
  }

  @Test func `intervals hold what came since the one before`() {
    var delta = LatencyDelta()
    delta.note(bucket: 10, 4)
    delta.note(bucket: 100, 2)
    let taken = delta.take()
    #expect(taken.count == 6)
    #expect(taken.buckets == [.init(index: 10, count: 4), .init(index: 100, count: 2)])
    #expect(taken.minimum == 10)
    #expect(LatencyHistogram.index(of: taken.maximum) == 100)
    delta.note(bucket: 10, 8)
    delta.note(bucket: 100, 2)
    let next = delta.take()
    #expect(next.buckets == [.init(index: 10, count: 4)])
    #expect(next.sum == 40)
    #expect(delta.take() == LatencyHistogram())
    // A bucket that began anew, and places that there are not.
    delta.note(bucket: 10, 1)
    delta.note(bucket: 1024, 9)
    delta.note(bucket: -1, 9)
    #expect(delta.take().buckets == [.init(index: 10, count: 0 &- 7)])
  }
}
