import Glibc
import HostOS
import KVM
import Machine
import Testing
import Topology

/// Machines of random kernels, archives, command lines and memory: each starts, or says why not.
@Suite(.serialized, .timeLimit(.minutes(60))) struct BootFuzzTests {
  private let files: TemporaryFiles

  init() throws {
    files = try TemporaryFiles()
    // A file that is far larger than any guest, and takes no room.
    let sparse = try Files.open(files.path + "/sparse", O_WRONLY | O_CREAT)
    try systemCall("ftruncate") { ftruncate(sparse.raw, 1 << 42) }
    try systemCall("mkdir") { mkdir(files.path + "/directory", 0o700) }
  }

  @Test func `random boot inputs start a guest or are refused with a reason`() throws {
    var outcomes: [String: Int] = [:]
    try FuzzBudget(rounds: 150).run { seed in
      var random = SplitMix64(seed: seed)
      let request = try request(&random)
      let tail = [UInt8](repeating: 0x30, count: random.below(2) * random.below(5000))
      outcomes[try Self.start(request, tail), default: 0] += 1
    }
    // Not all is refused at the first look.
    #expect(outcomes.keys.contains("started"))
    #expect(outcomes.keys.contains("boot"))
    #expect(outcomes.keys.contains("memory"))
    #expect(outcomes.keys.contains("host"))
    print(outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" })
  }

  /// Starts a machine and stops it; "started", or the name of the error.
  private static func start(_ request: MachineRequest, _ tail: [UInt8]) throws -> String {
    let machine: KVMMachine
    do {
      machine = try KVMMachine(request, initramfsTail: tail, telemetryPort: "ktstr")
    } catch {
      try #require(!"\(error)".isEmpty)
      return Mirror(reflecting: error).children.first?.label ?? "\(error)"
    }
    machine.stop()
    try #require(machine.exitCounts()?.count == request.topology.cpuCount)
    return "started"
  }

  private func request(_ random: inout SplitMix64) throws -> MachineRequest {
    var kernel = GuestKernel()
    kernel.code.spin()
    var image = random.below(2) == 0 ? kernel.file() : Self.bzImage()
    if random.below(2) == 0 { Self.damage(&image, &random) }
    var request = MachineRequest.native(kernel: try files.write(image, to: "kernel"))
    if random.below(12) == 0 {
      request.kernelImage = random.pick(
        ["/nowhere", "", "/dev/null", "/dev/zero", "/proc/self/maps"]
          + [files.path + "/directory", files.path + "/sparse"])
    }
    if random.below(3) == 0 {
      let archive = [UInt8](repeating: 0x30, count: random.below(1 << 20))
      let paths =
        [try files.write(archive, to: "initramfs"), "/nowhere", "", "/dev/null", "/proc/self/maps"]
        + [files.path + "/directory", files.path + "/sparse"]
      let count = random.below(5)
      request.initramfs = (0..<count).map { _ in
        random.below(3) == 0 ? random.pick(paths) : paths[0]
      }
    }
    if random.below(3) == 0 { request.commandLine = Self.commandLine(&random) }
    if random.below(3) == 0 { request.memoryBytes = Self.memory(&random) }
    if random.below(4) == 0 { request.topology = .flat(cpus: 1 + random.below(5)) }
    if random.below(4) == 0 {
      request.disk = DiskRequest(
        bytes: random.pick([0, 1, 511, 512, 1 << 20, (1 << 20) + 1, 1 << 63, .max]),
        serial: String(repeating: "x", count: random.below(30)),
        queues: random.pick([-1, 0, 1, 4, 64, 1000, .max]))
    }
    return request
  }

  /// Cuts an image, or changes bytes of it, most of them in headers.
  private static func damage(_ image: inout [UInt8], _ random: inout SplitMix64) {
    if random.below(4) == 0 {
      image.removeLast(random.below(2) == 0 ? random.below(image.count) : image.count - 1)
    }
    for _ in 0..<random.below(6) {
      let place =
        switch random.below(4) {
        case 0: random.below(min(128, image.count))
        case 1: min(image.count - 1, 0x1f0 + random.below(0x80))
        case 2: min(image.count - 1, 64 + 8 * random.below(7))
        default: random.below(image.count)
        }
      let width = random.pick([1, 2, 4, 8])
      let values: [UInt64] = [0, 1, 0x7f, 0x80, 0xff, 0x1000, 1 << 31, 1 << 63, .max]
      let value = random.below(2) == 0 ? random.pick(values) : random.next()
      for index in 0..<width where place + index < image.count {
        image[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      }
    }
  }

  private static func commandLine(_ random: inout SplitMix64) -> [KernelArgument] {
    (0..<random.below(6)).map { _ in
      let count = random.pick([0, 1, 10, 255, 2047, 4096, 65535, 70_000])
      let byte = random.below(8) == 0 ? UInt8(random.below(256)) : 0x61
      let bytes = [UInt8](repeating: byte, count: count)
      return KernelArgument(String(decoding: bytes, as: UTF8.self), because: "chance")
    }
  }

  private static func memory(_ random: inout SplitMix64) -> UInt64 {
    let sizes: [UInt64] = [
      0, 1, 4096, 16 << 20, 64 << 20, 1 << 30, 3 << 30, 4 << 30, 6 << 30, 1 << 45, 1 << 63,
    ]
    let near = [0, 0, 0, 1, 4096, 4095]
    let size = random.pick(sizes)
    let distance = UInt64(random.pick(near))
    return random.below(2) == 0 ? size &+ distance : size &- distance
  }

  /// The least that a bzImage must have (Linux, Documentation/arch/x86/boot.rst), and a loop.
  static func bzImage() -> [UInt8] {
    var image = [UInt8](repeating: 0, count: 0x2000)
    func put(_ value: UInt64, _ count: Int, at offset: Int) {
      for index in 0..<count {
        image[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
      }
    }
    put(1, 1, at: 0x1f1)  // setup_sects
    put((0x2000 - 0x400) / 16, 4, at: 0x1f4)  // syssize
    put(0xaa55, 2, at: 0x1fe)  // boot_flag
    put(0x6aeb, 2, at: 0x200)  // jump, whose distance says where the header ends
    put(0x5372_6448, 4, at: 0x202)  // header, "HdrS"
    put(0x20f, 2, at: 0x206)  // version
    put(1, 1, at: 0x211)  // loadflags: LOADED_HIGH
    put(0x7fff_ffff, 4, at: 0x22c)  // initrd_addr_max
    put(0x20_0000, 4, at: 0x230)  // kernel_alignment
    put(1, 1, at: 0x234)  // relocatable_kernel
    put(1, 2, at: 0x236)  // xloadflags: a 64-bit entry
    put(2047, 4, at: 0x238)  // cmdline_size
    put(0x100, 4, at: 0x248)  // payload_offset
    put(0x100, 4, at: 0x24c)  // payload_length
    put(0x100_0000, 8, at: 0x258)  // pref_address
    put(0x10_0000, 4, at: 0x260)  // init_size
    put(0xfeeb, 2, at: 0x400 + 0x200)  // jmp to itself, at the entry
    return image
  }
}
