import Glibc
import HostOS
import Synchronization
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(1))) struct WaitableCounterTests {
  static func deadline(milliseconds: UInt64) -> MonotonicTime {
    .now().advanced(byNanoseconds: milliseconds * 1_000_000)
  }

  @Test func `an advance before the wait is not missed`() {
    let counter = WaitableCounter()
    let seen = counter.value
    counter.advance()
    #expect(counter.wait(past: seen, until: Self.deadline(milliseconds: 0)))
    #expect(counter.value == seen + 1)
  }

  @Test func `a wait for nothing ends at its deadline`() {
    let counter = WaitableCounter()
    let start = MonotonicTime.now()
    #expect(!counter.wait(past: 0, until: Self.deadline(milliseconds: 30)))
    #expect(MonotonicTime.now().nanoseconds(since: start) >= 30_000_000)
  }

  @Test func `all who wait are woken, again and again`() throws {
    let counter = WaitableCounter()
    let arrivals = Atomic(0)
    let rounds: UInt32 = 200
    var threads = [Waiter]()
    for _ in 0..<3 {
      threads.append(
        try Waiter {
          for round in 0..<rounds {
            while counter.value == round {
              guard counter.wait(past: round, until: Self.deadline(milliseconds: 10_000)) else {
                return
              }
            }
            arrivals.wrappingAdd(1, ordering: .relaxed)
          }
        })
    }
    for _ in 0..<rounds { counter.advance() }
    #expect(threads.allSatisfy { $0.join() })
    #expect(arrivals.load(ordering: .relaxed) == 3 * Int(rounds))
  }

  @Test func `a thread that accepts the kick is interrupted in what it waits in`() throws {
    let signal = try KickSignal.prepare()
    let entered = WaitableCounter()
    let result = Atomic<CInt>(0)
    var thread = try HostThread(name: "sleeper", accepting: signal) {
      entered.advance()
      var time = timespec(tv_sec: 20, tv_nsec: 0)
      result.store(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil), ordering: .releasing)
    }
    #expect(entered.wait(past: 0, until: Self.deadline(milliseconds: 10_000)))
    var hasEnded = false
    for _ in 0..<1000 where !hasEnded {
      thread.signal(signal)
      hasEnded = thread.join(until: Self.deadline(milliseconds: 10))
    }
    #expect(hasEnded)
    #expect(result.load(ordering: .acquiring) == EINTR)
    // Nobody is there any more, and that is no harm.
    thread.signal(signal)
  }

  @Test func `a priority that there is not is refused by its number`() throws {
    let end = WaitableCounter()
    var thread = try HostThread(name: "priority") {
      end.wait(past: 0, until: Self.deadline(milliseconds: 10_000))
    }
    do throws(SystemCallError) {
      try thread.setRealTime(priority: 1000)
      Issue.record("a priority of 1000 was taken")
    } catch {
      #expect(
        error
          == SystemCallError(
            "pthread_setschedparam", .invalidArgument, subject: "SCHED_FIFO 1000"))
    }
    end.advance()
    let hasEnded = thread.join(until: Self.deadline(milliseconds: 10_000))
    #expect(hasEnded)
  }

  /// A thread that an array can hold.
  final class Waiter {
    private let thread: Mutex<HostThread>

    init(_ body: @escaping @Sendable () -> Void) throws {
      thread = Mutex(try HostThread(name: "waiter", body))
    }

    func join() -> Bool {
      thread.withLock { $0.join(until: WaitableCounterTests.deadline(milliseconds: 10_000)) }
    }
  }
}
