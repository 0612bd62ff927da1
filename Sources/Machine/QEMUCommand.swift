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
  package static let maximumAPICID = 254
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

  /// The CPU model with the features that were asked for.
  private static func processor(with features: [String]) -> String {
    let model = features.contains("svm") ? hostModel : model
    // To QEMU a minus outweighs a plus.
    let taken = features.contains("cx16") ? [] : ["-cx16"]
    return ([model] + taken + features.map { "+" + $0 }).joined(separator: ",")
  }

  /// The arguments, without the program's name.
  package let arguments: [String]

  /// Builds the command line.
  package init(_ request: MachineRequest, descriptors: Descriptors, telemetryPort: String) {
    var list = [
      "-name", "ktstr", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
      "-monitor", "none", "-accel", "tcg,thread=\(request.threading.rawValue)",
      "-cpu", Self.processor(with: request.cpuFeatures),
    ]
    list += Self.processorsAndMemory(request)
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

  private static func processorsAndMemory(_ request: MachineRequest) -> [String] {
    let topology = request.topology
    let nodes = max(topology.nodes, 1)
    // A socket of QEMU's board is what shares a last-level cache.
    var list = [
      "-smp",
      "cpus=\(topology.cpus),sockets=\(topology.lastLevelCaches),cores=\(topology.coresPerCache),"
        + "threads=\(topology.threadsPerCore)",
      "-m", "size=\(request.memoryBytes / 1024)k",
    ]
    if nodes == 1 {
      list += ["-machine", "q35,memory-backend=ram0", "-object", memory(0, request.memoryBytes)]
      return list
    }
    list += ["-machine", "q35"]
    let share = request.memoryBytes / UInt64(nodes) / nodeGranule * nodeGranule
    for node in 0..<nodes {
      let last = node == nodes - 1
      let bytes = last ? request.memoryBytes - share * UInt64(nodes - 1) : share
      list += [
        "-object", memory(node, bytes), "-numa", "node,nodeid=\(node),memdev=ram\(node)",
      ]
    }
    for cache in 0..<topology.lastLevelCaches {
      let node = cache / max(topology.lastLevelCaches / nodes, 1)
      list += ["-numa", "cpu,node-id=\(min(node, nodes - 1)),socket-id=\(cache)"]
    }
    return list
  }

  private static let nodeGranule: UInt64 = 2 << 20

  private static func memory(_ index: Int, _ bytes: UInt64) -> String {
    // Shared, so that the disk's backend and whoever looks into the guest see the same pages.
    "memory-backend-memfd,id=ram\(index),size=\(bytes / 1024)k,share=on"
  }
}
