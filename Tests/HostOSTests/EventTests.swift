import Glibc
import HostOS
import Synchronization
import SystemPackage
import Testing

@Suite struct EventTests {
  @Test func `signals add up and are taken at once`() throws {
    let event = try EventFD()
    #expect(event.drain() == 0)
    event.signal()
    event.signal()
    #expect(try Poll.wait(readable: event.raw, timeoutNanoseconds: 0))
    #expect(event.drain() == 2)
    #expect(event.drain() == 0)
  }

  @Test func `signalling a pipe that is full or has no reader does no harm`() throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    for _ in 0..<10_000 { #expect(EventFD.signal(ends[1])) }
    close(ends[0])
    let delivered = Mutex<Bool?>(nil)
    let writer = ends[1]
    // In a thread of ours, where SIGPIPE is blocked.
    var thread = try HostThread(name: "writer") {
      // A child of another test has the reader, too, between its fork and its exec.
      let deadline = MonotonicTime.now().advanced(byNanoseconds: 4_000_000_000)
      var result = true
      while result && MonotonicTime.now() < deadline { result = EventFD.signal(writer) }
      delivered.withLock { $0 = result }
    }
    let joined1 = thread.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
    #expect(joined1)
    #expect(delivered.withLock { $0 } == false)
    close(ends[1])
  }

  @Test func `epoll reports the token of what is ready, once a time when edge-triggered`() throws {
    let level = try EventFD()
    let edge = try EventFD()
    var epoll = try Epoll()
    try epoll.add(level.raw, token: 7)
    try epoll.add(edge.raw, token: 1 << 40, interest: [.readable, .edgeTriggered])
    #expect(try epoll.wait(timeoutMilliseconds: 0) == 0)
    level.signal()
    edge.signal()
    let count = try epoll.wait(timeoutMilliseconds: 1000)
    #expect(Set((0..<count).map { epoll.token(at: $0) }) == [7, 1 << 40])
    #expect(try epoll.wait(timeoutMilliseconds: 0) == 1)
    #expect(epoll.token(at: 0) == 7)
    #expect(epoll.readiness(at: 0).contains(.readable))
    try epoll.remove(level.raw)
    #expect(try epoll.wait(timeoutMilliseconds: 0) == 0)
    #expect(throws: SystemCallError("epoll_ctl", .noSuchFileOrDirectory)) {
      try epoll.remove(level.raw)
    }
  }

  @Test func `a thread runs under its name and can be waited for`() throws {
    let name = Mutex("")
    var thread = try HostThread(name: "a-name-longer-than-15-bytes") {
      var buffer = [UInt8](repeating: 0, count: 64)
      let descriptor = open("/proc/thread-self/comm", O_RDONLY)
      let got = read(descriptor, &buffer, 64)
      close(descriptor)
      let text = String(decoding: buffer.prefix(max(0, got - 1)), as: UTF8.self)
      name.withLock { $0 = text }
    }
    let joined2 = thread.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
    #expect(joined2)
    let joined3 = thread.join(until: .now())
    #expect(joined3)
    #expect(name.withLock { $0 } == "a-name-longer-t")
  }

  @Test func `waiting for a thread ends at the deadline`() throws {
    let event = try EventFD()
    let raw = event.raw
    var thread = try HostThread(name: "sleeper") {
      _ = try? Poll.wait(readable: raw, timeoutNanoseconds: 10_000_000_000)
    }
    let start = MonotonicTime.now()
    let joined4 = thread.join(until: start.advanced(byNanoseconds: 30_000_000))
    #expect(!joined4)
    #expect(MonotonicTime.now().nanoseconds(since: start) >= 30_000_000)
    event.signal()
    let joined5 = thread.join(until: .now().advanced(byNanoseconds: 5_000_000_000))
    #expect(joined5)
  }

  @Test func `a one-shot is told once, until it is armed again, and sets nest`() throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    var inner = try Epoll()
    var outer = try Epoll()
    try outer.add(inner.raw, token: 9)
    for round in 1...3 as ClosedRange<UInt64> {
      // An empty pipe can be written.
      try inner.arm(ends[1], token: round, interest: [.writable, .oneShot])
      let seen = try outer.wait(timeoutMilliseconds: 1000)
      #expect(seen == 1 && outer.token(at: 0) == 9)
      let told = try inner.wait(timeoutMilliseconds: 0)
      #expect(told == 1 && inner.token(at: 0) == round)
      let silent = try inner.wait(timeoutMilliseconds: 0)
      let silentOutside = try outer.wait(timeoutMilliseconds: 0)
      #expect(silent == 0 && silentOutside == 0)
    }
    var failure: SystemCallError?
    do {
      let file = try MemoryFile(name: "plain", size: 1)
      try inner.arm(file.descriptor.raw, token: 1, interest: .writable)
    } catch {
      failure = error
    }
    #expect(failure?.errno == .notPermitted)
  }

  @Test func `a wait for one descriptor goes on after a signal`() throws {
    let event = try EventFD()
    let target = try SignalTarget(waitingFor: event, nanoseconds: 10_000_000_000)
    target.bombard(milliseconds: 20)
    event.signal()
    let result = try target.result()
    #expect(result.isReadable)
  }

  @Test func `a wait for one descriptor ends at its time, however many signals come`() throws {
    let event = try EventFD()
    let target = try SignalTarget(waitingFor: event, nanoseconds: 40_000_000)
    // If each signal began the wait anew, it would end only after the last of them.
    target.bombard(milliseconds: 10_000)
    #expect(target.isDone)
    let result = try target.result()
    #expect(!result.isReadable)
    #expect(result.nanoseconds >= 40_000_000)
  }
}
