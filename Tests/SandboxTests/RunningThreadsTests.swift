import CLinux
import HostOS
import Sandbox
import Testing

@Suite struct RunningThreadsTests {
  @Test(arguments: [
    ("7 (ktstr) S 1 7 7 0 -1 4194560 9 0", "ktstr", 4_194_560),
    ("7 (a (b) c) S 1 7 7 0 -1 64 9 0", "a (b) c", 64),
    ("7 () S 1 7 7 0 -1 16 9 0", "", 16),
  ])
  func `a line of stat is read`(line: String, name: String, flags: UInt64) throws {
    let parsed = try #require(RunningThreads.parse(line))
    #expect(parsed.name == name)
    #expect(parsed.flags == flags)
  }

  @Test(arguments: [
    "", "7", "7 (", "7 )(", "7 (a)", "7 (a) S 1 7 7 0 -1", "7 (a) S 1 7 7 0 -1 x 9",
  ])
  func `another line is nothing`(line: String) {
    #expect(RunningThreads.parse(line) == nil)
  }

  @Test func `a thread that runs is listed, and the caller is not`() throws {
    let stop = try EventFD()
    let started = try EventFD()
    let stopRaw = stop.raw
    let startedEvent = Shared(started)
    var thread = try HostThread(name: "seen-by-test") {
      startedEvent.event.signal()
      _ = try? Poll.wait(readable: stopRaw, timeoutNanoseconds: 20_000_000_000)
    }
    #expect(try Poll.wait(readable: startedEvent.event.raw, timeoutNanoseconds: 20_000_000_000))
    let names = try onThread {
      (
        others: try RunningThreads.names(besides: ktstr_thread_id()),
        all: try RunningThreads.names(besides: 0)
      )
    }
    stop.signal()
    let hasEnded = thread.join(until: .now().advanced(byNanoseconds: 20_000_000_000))
    #expect(hasEnded)
    #expect(names.others.contains("seen-by-test"))
    #expect(names.all.contains("bound"))
  }

  private final class Shared: Sendable {
    let event: EventFD
    init(_ event: consuming EventFD) { self.event = event }
  }
}
