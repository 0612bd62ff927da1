import Boot
import Glibc
import HostOS
import KVM
import Machine
import Topology

/// Boots a kernel once on our own engine, shows its console and says what vCPUs exited for.
///
/// For comparison with another VMM that boots the same kernel, initramfs, memory and CPUs:
/// `make bench-boot`.
@main
struct Main {
  private static let limit: UInt64 = 120_000_000_000

  static func main() {
    let arguments = Array(Swift.CommandLine.arguments.dropFirst())
    guard (5...6).contains(arguments.count),
      let entry = arguments.count == 6 ? EntryChoice(rawValue: arguments[5]) : .automatic,
      let mebibytes = UInt64(arguments[2]), mebibytes < 1 << 20,
      let cpus = Int(arguments[3]), let topology = try? CPUTopology("1n1l\(cpus)c1t")
    else {
      fail(
        "usage: ktstr-bootbench KERNEL INITRAMFS MEBIBYTES CPUS COMMANDLINE [linux64|pvh]",
        status: 64)
    }
    do {
      try boot(
        MachineRequest(
          engine: .kvm, enginePath: nil, threading: .multi, kernelImage: arguments[0],
          initramfs: [arguments[1]],
          commandLine: [KernelArgument(arguments[4], because: "given to both sides")],
          topology: topology, memoryBytes: mebibytes << 20, disk: nil,
          native: NativeOptions(entry: entry)))
    } catch {
      fail("\(error)", status: 3)
    }
  }

  private static func boot(_ request: MachineRequest) throws {
    let began = MonotonicTime.now()
    let machine = try KVMMachine(request, initramfsTail: [], telemetryPort: "none")
    let started = MonotonicTime.now()
    let deadline = began.advanced(byNanoseconds: limit)
    while MonotonicTime.now() < deadline {
      let ready = try Poll.wait(
        readable: [machine.console, machine.ended], timeoutNanoseconds: 1_000_000_000)
      if !ready[0].isEmpty {
        try DescriptorIO.write(
          DescriptorIO.readSome(machine.console, subject: "console"), to: 1, subject: "output")
      }
      guard let end = try machine.end() else { continue }
      let ended = MonotonicTime.now()
      machine.stop()
      print("ktstr: \(end)")
      print("ktstr: start \(milliseconds(started, since: began)) ms of wall time")
      print("ktstr: all \(milliseconds(ended, since: began)) ms")
      for (index, counts) in (machine.exitCounts() ?? []).enumerated() {
        report(counts, ofVCPU: index)
      }
      return
    }
    machine.stop()
    fail("the guest did not end within 120 s", status: 3)
  }

  private static func report(_ counts: ExitCounts, ofVCPU index: Int) {
    print("ktstr: vCPU \(index): \(counts.total) exits to user space")
    for reason in counts.reasons { print("ktstr:   \(reason.name): \(reason.count)") }
    for port in counts.ports.prefix(8) {
      print("ktstr:   port 0x\(String(port.address, radix: 16)) \(port.direction): \(port.count)")
    }
    for access in counts.addresses.prefix(8) {
      print(
        "ktstr:   address 0x\(String(access.address, radix: 16)) \(access.direction): "
          + "\(access.count)")
    }
  }

  private static func milliseconds(_ end: MonotonicTime, since start: MonotonicTime) -> UInt64 {
    end.nanoseconds(since: start) / 1_000_000
  }

  private static func fail(_ message: String, status: CInt) -> Never {
    try? DescriptorIO.write(
      Array("ktstr-bootbench: \(message)\n".utf8), to: 2, subject: "standard error")
    exit(status)
  }
}
