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
    let seen: Testimony

    init(_ memory: consuming Mapping, vcpu: CInt, machine: CInt, _ seen: Testimony) {
      self.memory = memory
      self.vcpu = vcpu
      self.machine = machine
      self.seen = seen
    }

    deinit {
      seen.isOpen.withLock { $0 = [Mark.isSet(vcpu), Mark.isSet(machine)] }
    }
  }

  private final class Testimony: Sendable {
    let isOpen = Mutex<[Bool]>([])
  }

  /// A setting of an open file that means nothing to it, so that another file that got the same
  /// descriptor meanwhile is not mistaken for it: the signal of F_SETSIG.
  private enum Mark {
    static func set(_ descriptor: CInt) -> Bool { fcntl(descriptor, 10, 50) == 0 }
    static func isSet(_ descriptor: CInt) -> Bool { fcntl(descriptor, 11, 0) == 50 }
  }

  @Test(arguments: [false, true])
  func `vCPUs are closed first, then the machine, then the memory goes`(stopped: Bool) throws {
    let seen = Testimony()
    let recorder = Recorder()
    func run() throws {
      let guest = try Guest(KickTests.spinning())
      let (raw, machine) = (guest.vcpu.raw, guest.machine.raw)
      #expect(Mark.set(raw) && Mark.set(machine))
      #expect(Mark.isSet(raw) && Mark.isSet(machine))
      let group = try guest.onThread(
        recorder,
        keeping: {
          Witness($0, vcpu: raw, machine: machine, seen)
        })
      try group.resume(withinMilliseconds: KickTests.patience)
      recorder.wait(for: "start") { !$0.writes.isEmpty }
      if stopped { try group.stop(withinMilliseconds: KickTests.patience) }
    }
    try run()
    #expect(seen.isOpen.withLock { $0 } == [false, false])
  }
}
