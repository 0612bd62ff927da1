import Glibc
import HostOS
import KVM
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct TearDownTests {
  /// Stands for the guest's memory, and looks at what is still open when it goes.
  private final class Witness: Sendable {
    let memory: Mapping
    let vcpu: CInt
    let machine: CInt
    let mark: Mark
    let seen: Testimony

    init(
      _ memory: consuming Mapping, vcpu: CInt, machine: CInt, _ mark: Mark, _ seen: Testimony
    ) {
      self.mark = mark
      self.memory = memory
      self.vcpu = vcpu
      self.machine = machine
      self.seen = seen
    }

    deinit {
      seen.isOpen.withLock { $0 = [mark.isSet(vcpu), mark.isSet(machine)] }
    }
  }

  private final class Testimony: Sendable {
    let isOpen = Mutex<[Bool]>([])
  }

  /// A setting of an open file that means nothing to it, so that another file that got the same
  /// descriptor meanwhile is not mistaken for it: the signal of F_SETSIG.
  private struct Mark {
    let signal: CInt

    func set(_ descriptor: CInt) -> Bool { fcntl(descriptor, 10, signal) == 0 }
    func isSet(_ descriptor: CInt) -> Bool { fcntl(descriptor, 11, 0) == signal }
  }

  @Test(arguments: [false, true])
  func `vCPUs are closed first, then the machine, then the memory goes`(stopped: Bool) throws {
    let seen = Testimony()
    let recorder = Recorder()
    // Both cases may run at the same time.
    let mark = Mark(signal: stopped ? 50 : 51)
    func run() throws {
      let guest = try Guest(KickTests.spinning())
      let (raw, machine) = (guest.vcpu.raw, guest.machine.raw)
      #expect(mark.set(raw) && mark.set(machine))
      #expect(mark.isSet(raw) && mark.isSet(machine))
      let group = try guest.onThread(
        recorder,
        keeping: {
          Witness($0, vcpu: raw, machine: machine, mark, seen)
        })
      try group.resume(withinMilliseconds: KickTests.patience)
      recorder.wait(for: "start") { !$0.writes.isEmpty }
      if stopped { try group.stop(withinMilliseconds: KickTests.patience) }
    }
    try run()
    #expect(seen.isOpen.withLock { $0 } == [false, false])
  }
}
