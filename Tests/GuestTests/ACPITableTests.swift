import Boot
import Glibc
import HostOS
import Testing
import Topology

/// What real kernels make of our ACPI tables.
///
/// They boot on QEMU's plainest board without tables of its own and get ours by address. CPUs,
/// interrupt controllers and transports are QEMU's, at the places that the tables name.
@Suite(.serialized, .tags(.guest), .timeLimit(.minutes(10)))
struct ACPITableTests {
  private static let base: UInt64 = 0x800_0000
  private static let memory: UInt64 = 384 << 20
  private let scratch = Scratch()

  /// An initramfs whose init says what the kernel found, and then powers off.
  private func makeArchive(kernel: String) throws -> String {
    let script = """
      #!/bin/busybox sh
      b=/bin/busybox
      $b mount -t proc none /proc && $b mount -t sysfs none /sys
      # The first two are built into newer kernels.
      for module in virtio virtio_ring virtio_mmio; do
        [ -s /$module.ko ] && $b insmod /$module.ko
      done
      cd /sys/devices/system
      for cpu in cpu/cpu[0-9]*; do
        echo "SEEN ${cpu#cpu/} package=$($b cat $cpu/topology/physical_package_id)"
      done
      for node in node/node[0-9]*; do
        echo "SEEN ${node#node/} cpus=$($b cat $node/cpulist) distance=$($b cat $node/distance)"
      done
      echo "SEEN devices $($b ls /sys/bus/platform/devices | $b grep -c LNRO0005)"
      echo "SEEN virtio $($b cat /sys/bus/virtio/devices/virtio0/device)"
      echo "SEEN pnp $($b ls /sys/bus/pnp/devices)"
      echo "SEEN serial $($b grep ttyS0 /proc/interrupts | $b grep -o "IO-APIC.*")"
      echo "SEEN end"
      $b poweroff -f

      """
    let root = "\(scratch.path)/root-\(kernel)"
    for name in ["bin", "proc", "sys", "dev"] { try Files.makeDirectories("\(root)/\(name)") }
    try Files.write(Array(script.utf8), to: "\(root)/init", mode: 0o755)
    let busybox = try #require(ExecutableSearch.find("busybox"))
    let modules = "\(KernelCache.directory)/\(kernel)/modules/kernel/drivers"
    let archive = "\(root).cpio"
    for command in [
      "cp \(busybox) \(root)/bin/busybox",
      "for name in virtio virtio_ring virtio_mmio; do m=\(modules)/virtio/$name.ko; "
        + "{ cat $m || xz -dc $m.xz; } 2>/dev/null >\(root)/$name.ko; done; :",
      "cd \(root) && find . | cpio --create --format=newc --quiet >\(archive)",
    ] {
      _ = try ToolRunner.run(ToolRequest("sh", ["-c", command]))
    }
    return archive
  }

  /// Boots a kernel with our tables for a topology; its console, and how QEMU ended.
  private func boot(
    _ topology: CPUTopology, kernel: String
  ) throws -> (console: String, status: HostOS.ExitStatus?) {
    var start: UInt64 = 0
    let shares = try topology.memoryShares(of: Self.memory)
    var ranges: [ACPIMachine.MemoryRange] = []
    for (node, bytes) in shares.enumerated() {
      ranges.append(.init(node: node, base: start, length: bytes))
      start += bytes
    }
    // Where the board has its transports.
    let devices = (0..<8).map { index in
      ACPIMachine.VirtioDevice(
        base: 0xfeb0_0000 + UInt32(index) * 512, length: 512, gsi: 5 + UInt32(index))
    }
    let machine = ACPIMachine(topology: topology, memory: ranges, devices: devices)
    let tables = try ACPITables.build(machine, base: Self.base)
    let blob = "\(scratch.path)/tables"
    try Files.write(tables.bytes, to: blob)
    let log = "\(scratch.path)/console-\(kernel)"
    var request = ToolRequest(
      "qemu-system-x86_64",
      [
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
        "-machine", "microvm,acpi=off,auto-kernel-cmdline=off,rtc=off", "-cpu", "kvm64,-cx16",
        "-accel", "tcg,thread=single", "-m", "\(Self.memory >> 20)",
        "-smp",
        "cpus=\(topology.cpuCount),sockets=\(topology.llcCount),cores=\(topology.coresPerLLC),"
          + "threads=\(topology.threadsPerCore)",
        "-kernel", "\(KernelCache.directory)/\(kernel)/vmlinux",
        "-initrd", try makeArchive(kernel: kernel),
        "-device", "loader,file=\(blob),addr=\(Self.base),force-raw=on",
        "-device", "virtio-rng-device", "-serial", "file:\(log)",
        // Ends QEMU with twice what is written, and one.
        "-device", "isa-debug-exit,iobase=\(machine.power.sleepPort),iosize=1",
        "-append",
        "console=ttyS0 acpi_rsdp=0x\(String(tables.rsdpAddress, radix: 16)) memmap=64K$\(Self.base) nokaslr panic=-1 "
          // A software CPU has neither kvmclock nor a PIT in this kernel's eyes.
          + "tsc_early_khz=2000000 tsc=reliable mitigations=off",
      ])
    request.timeLimitNanoseconds = 150_000_000_000
    var status: HostOS.ExitStatus? = .exited(0)
    do {
      _ = try ToolRunner.run(request)
    } catch {
      guard case .failed(_, let ended, _) = error else { throw error }
      status = ended
    }
    return (String(decoding: try Files.read(log, limit: 1 << 24), as: UTF8.self), status)
  }

  @Test func `kernels take our tables as they are meant, and power off through them`() throws {
    let list = try KtstrProcess(["kernel", "list", "--quiet"])
    _ = try list.finish(seconds: 30)
    let kernels = list.output.split(separator: "\n").map(String.init)
    try #require(!kernels.isEmpty)
    let topology = try CPUTopology(
      nodes: [.init(llcs: 2), .init(llcs: 1), .init(llcs: 0)], coresPerLLC: 1, threadsPerCore: 1,
      distances: [[10, 21, 40], [21, 10, 30], [40, 30, 10]])
    for kernel in kernels {
      let (console, status) = try boot(topology, kernel: kernel)
      let seen = console.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("SEEN ") }
      let comment = Comment("\(kernel): \(console.suffix(6000))")
      for line in [
        "SEEN cpu0 package=0", "SEEN cpu1 package=1", "SEEN cpu2 package=2",
        "SEEN node0 cpus=0-1 distance=10 21 40", "SEEN node1 cpus=2 distance=21 10 30",
        "SEEN node2 cpus= distance=40 30 10", "SEEN devices 8", "SEEN virtio 0x0004",
        "SEEN pnp 00:00", "SEEN serial IO-APIC 4-edge ttyS0", "SEEN end",
      ] {
        #expect(
          seen.contains { $0.split(separator: " ") == line.split(separator: " ") },
          "\(line) in \(comment)")
      }
      #expect(!console.contains("ACPI Error") && !console.contains("ACPI BIOS"), comment)
      // The first byte of a power-off clears the wake status: 0x80 twice and one, in eight bits.
      #expect(status == .exited(1), comment)
    }
  }
}
