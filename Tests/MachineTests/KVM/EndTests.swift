import Glibc
import HostOS
import KVM
import Machine
import Testing

/// How guests end, on `/dev/kvm`.
@Suite(.serialized, .timeLimit(.minutes(2))) struct NativeEndTests {
  private func reason(of end: MachineEnd?) throws -> String {
    guard case .engineFailed(let text) = end else {
      throw NativeGuest.Late(what: "a failure, but \(String(describing: end))")
    }
    return text
  }

  @Test func `a guest speaks on COM1 and resets itself, and each exit is counted`() throws {
    var kernel = GuestKernel()
    kernel.code.say("hello\n")
    kernel.code.set(.dx, 0x2f8)
    kernel.code.input(1)
    kernel.code.reset()
    let guest = try NativeGuest(kernel)
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == "hello\n")
    #expect(try guest.rest(of: guest.machine.telemetry) == [])
    let counts = try #require(guest.machine.exitCounts()?.first)
    #expect(
      counts.ports.map(\.words) == ["6 times write 3f8", "1 times write 64", "1 times read 2f8"])
    #expect(counts.addresses == [])
    #expect(counts.count(of: "port write") == 7)
    #expect(counts.count(of: "port read") == 1)
    // The vCPU is held at the reset: it leaves the guest once more, and that was all.
    #expect(counts.total == 9)
  }

  @Test func `a guest powers off by the sleep register`() throws {
    var kernel = GuestKernel()
    // First the wake status is cleared, as Linux does, which ends nothing.
    kernel.code.out(0x80, port: 0x600)
    kernel.code.say(".")
    kernel.code.out(0x34, port: 0x600)
    kernel.code.spin()
    let guest = try NativeGuest(kernel)
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == ".")
  }

  @Test func `a triple fault is told with registers and code`() throws {
    var kernel = GuestKernel()
    kernel.code.set(.ax, 0x1234_5678_9abc_def0)
    // The IDT has one empty gate: no exception can be delivered.
    kernel.code.raw(0x0f, 0x0b)
    let guest = try NativeGuest(kernel)
    let text = try reason(of: guest.end())
    #expect(text.contains("a triple fault"))
    #expect(text.contains("APIC id 0"))
    #expect(text.contains("rip=0x10000a "))
    #expect(text.contains("rax=0x123456789abcdef0"))
    #expect(text.contains("code at rip: 0f 0b"))
    #expect(try guest.stopped() == "")
  }

  @Test func `an instruction that cannot be emulated is told with its bytes`() throws {
    var kernel = GuestKernel()
    kernel.code.say("?")
    // vaddps ymm0, ymm0, ymm0 reads a window in which there is no RAM: even hardware leaves it to
    // KVM's emulator, which does not know it.
    kernel.mapDevices()
    kernel.code.set(.bx, 0xc000_1000)
    kernel.code.raw(0xc5, 0xfc, 0x58, 0x03)
    kernel.code.reset()
    let guest = try NativeGuest(kernel)
    let text = try reason(of: guest.end())
    #expect(text.contains("internal error 1, an instruction that it cannot emulate"), "\(text)")
    #expect(text.contains("code at rip: c5 fc 58 03"), "\(text)")
    #expect(text.contains("rbx=0xc0001000"), "\(text)")
    #expect(try guest.stopped() == "?")
  }

  @Test(arguments: [1, 3]) func `a guest that loops for ever is stopped in bounded time`(
    cpus: Int
  ) throws {
    var kernel = GuestKernel()
    kernel.code.say("looping")
    kernel.code.spin()
    let guest = try NativeGuest(kernel, cpus: cpus)
    #expect(try guest.console(until: "looping") == "looping")
    #expect(try guest.machine.end() == nil)
    let began = MonotonicTime.now()
    #expect(try guest.stopped() == "")
    #expect(MonotonicTime.now().nanoseconds(since: began) < 5_000_000_000)
    #expect(guest.machine.exitCounts()?.count == cpus)
    // A second time changes nothing.
    guest.machine.stop()
  }

  @Test func `a guest that waits in HLT for ever is stopped, too`() throws {
    var kernel = GuestKernel()
    kernel.code.say("waiting")
    kernel.code.raw(0xfa, 0xf4)
    kernel.code.reset()
    let guest = try NativeGuest(kernel)
    #expect(try guest.console(until: "waiting") == "waiting")
    let began = MonotonicTime.now()
    #expect(try guest.stopped() == "")
    #expect(MonotonicTime.now().nanoseconds(since: began) < 5_000_000_000)
    #expect(try guest.machine.end() == nil)
  }

  @Test func `no descriptor and no thread is left behind`() async throws {
    // In a process of its own: other tests open and start things meanwhile.
    await #expect(processExitsWith: .success) {
      var before = Leftovers()
      for round in 0..<6 {
        // The first run leaves what the process makes once, such as the kick's signal handler.
        if round == 1 { before = try Leftovers.settled() }
        var kernel = GuestKernel()
        kernel.code.say("x")
        if round % 2 == 0 { kernel.code.reset() } else { kernel.code.spin() }
        let guest = try NativeGuest(
          kernel, cpus: 2, disk: DiskRequest(bytes: 1 << 20, serial: "leftovers"),
          initramfs: Array("initramfs".utf8))
        _ = try guest.console(until: "x")
        // Half of them are stopped by their owner's end alone.
        if round < 3 { guest.machine.stop() }
      }
      let after = try Leftovers.settled()
      #expect(after == before)
      #expect(after.threads.allSatisfy { !$0.hasPrefix("vcpu") && $0 != "disk" && $0 != "serial" })
    }
  }

  /// What a process has open and running.
  struct Leftovers: Equatable {
    var descriptors: [String] = []
    var threads: [String] = []

    /// What is there once nothing changes any more: a thread that was joined may be listed for
    /// another moment.
    static func settled() throws -> Leftovers {
      var last = try now()
      for _ in 0..<50 {
        usleep(100_000)
        let next = try now()
        if next == last { break }
        last = next
      }
      return last
    }

    private static func now() throws -> Leftovers {
      var result = Leftovers()
      for entry in try Files.entries(of: "/proc/self/fd") {
        // The listing's own is gone by now.
        guard let target = try? Files.linkTarget(of: "/proc/self/fd/\(entry)") else { continue }
        result.descriptors.append(target)
      }
      for entry in try Files.entries(of: "/proc/self/task") {
        guard let name = try? Files.read("/proc/self/task/\(entry)/comm", limit: 64) else {
          continue
        }
        result.threads.append(String(decoding: name.dropLast(), as: UTF8.self))
      }
      result.descriptors.sort()
      result.threads.sort()
      return result
    }
  }
}
