package import Topology

/// The command line of a QEMU that has no device, file or socket path but what a run asks for.
package struct QEMUCommand: Sendable {
  /// Numbers that the descriptors handed over have in QEMU.
  package struct Descriptors: Sendable {
    /// A memfd with the whole initramfs.
    package var initramfs: CInt
    /// Stream socket of the first serial port.
    package var console: CInt
    /// Stream socket of the telemetry port.
    package var telemetry: CInt
    /// Stream socket of the vhost-user disk; nil without a disk.
    package var disk: CInt?

    /// Makes the set.
    package init(initramfs: CInt, console: CInt, telemetry: CInt, disk: CInt?) {
      self.initramfs = initramfs
      self.console = console
      self.telemetry = telemetry
      self.disk = disk
    }
  }

  /// Most CPUs that the board takes without interrupt remapping: APIC ids end at 254.
  package static let maximumCPUs = 255

  /// The highest APIC id without interrupt remapping; 255 is the broadcast.
  package static let maximumAPICID: UInt32 = 254
  /// Most NUMA nodes that the board takes.
  package static let maximumNodes = 128
  /// Least memory of a NUMA node in bytes: its page tables and lists, and some pages to hand out.
  package static let minimumNodeMemory: UInt64 = 16 << 20

  /// A plain 64-bit CPU of Intel's kind, without CMPXCHG16B.
  ///
  /// Intel's, for the threads of a core: the software CPU lacks AMD's TOPOEXT, without which Linux
  /// 6.1 takes each thread of an AMD CPU (such as `qemu64`) for a core of its own. Intel's leaves
  /// 4 and 0xb tell nodes, caches, cores and threads to Linux 6.1, 6.12, 6.18 and 7.2 alike.
  ///
  /// Without CMPXCHG16B, since QEMU 7.2 computes its flags out of stale state: EFLAGS then holds
  /// the bits of an address, and the guest dies of a double fault in its memory allocator, or of a
  /// protection fault in init. 4 of 25 boots of Linux 6.12 died so, and none of 25 without the
  /// instruction, which kernels use where they find it and never need.
  private static let model = "kvm64"

  /// The model for guests that are hosts themselves: AMD's, since it is AMD's virtualization that
  /// the software CPU has; QEMU's `max` is less reliable there.
  private static let hostModel = "EPYC"

  /// XSAVE and what builds on it.
  ///
  /// QEMU's software CPU lets a guest's guest write XCR0 without telling its hypervisor. The sizes
  /// that CPUID then tells are wrong: Linux says "XSAVE consistency problem", from 6.16 on it dies of
  /// that, and returns from signal handlers fail ("bad frame in rt_sigreturn") even without AVX.
  private static let extendedState = [
    "xsave", "avx", "avx2", "fma", "f16c", "vaes", "vpclmulqdq",
  ]

  /// The CPU model with the features that were asked for.
  private static func processor(with features: [String]) -> String {
    let isHost = features.contains("svm")
    // To QEMU a minus outweighs a plus.
    let taken = (["cx16"] + (isHost ? extendedState : [])).filter { !features.contains($0) }
    return ([isHost ? hostModel : model] + taken.map { "-" + $0 } + features.map { "+" + $0 })
      .joined(separator: ",")
  }

  /// The arguments, without the program's name.
  package let arguments: [String]

  /// Builds the command line.
  ///
  /// - Throws: ``CPUTopologyError`` where the nodes cannot share the memory.
  package init(
    _ request: MachineRequest, descriptors: Descriptors, telemetryPort: String
  ) throws(CPUTopologyError) {
    var list = [
      "-name", "ktstr", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
      "-monitor", "none", "-accel", "tcg,thread=\(request.threading.rawValue)",
      "-cpu", Self.processor(with: request.cpuFeatures),
    ]
    list += try Self.processorsAndMemory(request)
    list += [
      "-kernel", request.kernelImage,
      "-initrd", "/dev/fd/\(descriptors.initramfs)",
      "-append", request.commandLine.map(\.text).joined(separator: " "),
      "-chardev", "socket,id=console,fd=\(descriptors.console)",
      "-serial", "chardev:console",
      "-device", "virtio-serial-pci,id=serial,disable-legacy=on,max_ports=2",
      "-chardev", "socket,id=telemetry,fd=\(descriptors.telemetry)",
      "-device", "virtserialport,bus=serial.0,chardev=telemetry,name=\(telemetryPort)",
    ]
    if let disk = descriptors.disk {
      list += [
        "-chardev", "socket,id=disk,fd=\(disk)",
        "-device",
        "vhost-user-blk-pci,chardev=disk,num-queues=\(request.disk?.queues ?? 1),"
          + "disable-legacy=on",
      ]
    }
    arguments = list
  }

  private static func processorsAndMemory(
    _ request: MachineRequest
  ) throws(CPUTopologyError) -> [String] {
    let topology = request.topology
    // A socket of QEMU's board is what shares a last-level cache.
    var list = [
      "-smp",
      "cpus=\(topology.cpuCount),sockets=\(topology.llcCount),cores=\(topology.coresPerLLC),"
        + "threads=\(topology.threadsPerCore)",
      "-m", "size=\(request.memoryBytes / 1024)k",
    ]
    let shares = try topology.memoryShares(of: request.memoryBytes)
    if shares.count == 1 {
      list += ["-machine", "q35,memory-backend=ram0", "-object", memory(0, request.memoryBytes)]
      return list
    }
    list += ["-machine", "q35"]
    for (node, bytes) in shares.enumerated() {
      list += [
        "-object", memory(node, bytes), "-numa", "node,nodeid=\(node),memdev=ram\(node)",
      ]
    }
    for socket in 0..<topology.llcCount {
      let node = topology.cpu(at: socket * topology.cpusPerLLC).node
      list += ["-numa", "cpu,node-id=\(node),socket-id=\(socket)"]
    }
    if !topology.hasDefaultDistances {
      // Told one way, they hold both ways.
      for (from, row) in topology.distances.enumerated() {
        for (to, distance) in row.enumerated() where to > from {
          list += ["-numa", "dist,src=\(from),dst=\(to),val=\(distance)"]
        }
      }
    }
    return list
  }

  private static func memory(_ index: Int, _ bytes: UInt64) -> String {
    // Shared, so that the disk's backend and whoever looks into the guest see the same pages.
    "memory-backend-memfd,id=ram\(index),size=\(bytes / 1024)k,share=on"
  }
}
