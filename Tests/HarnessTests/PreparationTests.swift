import Evidence
import Foundation
import Glibc
import Harness
import HostOS
import KVM
import Kernels
import Machine
import Scenario
import SystemPackage
import Testing
import Wire

@Suite struct PreparationTests {
  private let scratch: HarnessScratch
  private let store: KernelStore

  init() throws {
    scratch = try HarnessScratch()
    store = KernelStore(root: scratch.path.appending("store"))
  }

  /// A kernel of one segment that takes this much memory.
  private func kernel(memorySize: UInt64 = 1 << 20) throws -> Kernel {
    func little<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number) -> [UInt8] {
      (0..<(Number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += little(2 as UInt16) + little(62 as UInt16) + little(1 as UInt32)
    file += little(0x100_0000 as UInt64) + little(64 as UInt64) + little(0 as UInt64)
    file += little(0 as UInt32) + little(64 as UInt16) + little(56 as UInt16)
    file += little(1 as UInt16) + little(64 as UInt16) + little(0 as UInt16) + little(0 as UInt16)
    let text = Array("Linux version 6.1.0-made (a@b)\0".utf8)
    file += little(1 as UInt32) + little(5 as UInt32) + little(120 as UInt64)
    file += little(0x100_0000 as UInt64) + little(0x100_0000 as UInt64)
    file += little(UInt64(text.count)) + little(memorySize) + little(4096 as UInt64)
    let image = scratch.path.appending("vmlinux")
    try Files.write(file + text, to: image.string)
    return try store.add(image: image, modules: nil)
  }

  private func prepare(
    _ machine: String, kernel: Kernel, limits: EngineLimits? = nil, members: String = ""
  ) throws(PreparationError) -> PreparedRun {
    let text = """
      {"ktstr": 1, "name": "made", "duration": "1s",
       "machine": {\(machine)},
       "work": [{"name": "spin", "type": "spin"}]\(members)}
      """
    let order: RunOrder
    do {
      let initProgram = scratch.path.appending("init").string
      try Files.write(Array("init".utf8), to: initProgram)
      order = RunOrder(
        document: try ScenarioDocument(file: "made.json", bytes: Array(text.utf8)),
        scenarioBytes: Array(text.utf8), kernel: kernel,
        engine: limits?.engine == .kvm
          ? try EngineChoice(.kvm) { .native(nanoseconds: 1) }
          : try EngineChoice(.tcg) { .absent },
        output: scratch.path.appending("results").string, keep: false)
      let preparation = Preparation(initProgram: initProgram, store: store) {
        engine throws(MachineError) in
        if let limits { return limits }
        return try .here(engine)
      }
      try preparation.check(order)
      return try preparation.prepare(order, attempt: .first)
    } catch let error as PreparationError {
      throw error
    } catch {
      Issue.record(error)
      throw .kernel("\(error)")
    }
  }

  /// What a machine is refused with; empty when it is not.
  private func refusal(of machine: String, limits: EngineLimits? = nil) throws -> String {
    let kernel = try kernel()
    let error = #expect(throws: PreparationError.self) {
      try prepare(machine, kernel: kernel, limits: limits)
    }
    guard case .scenario(let problem)? = error else {
      Issue.record("\(String(describing: error))")
      return ""
    }
    return problem.description
  }

  @Test func `more NUMA nodes than the board takes are the scenario's problem`() throws {
    let line = try refusal(of: #""topology": "254n254l1c1t", "memory": "8GiB""#)
    #expect(line.hasPrefix("made.json:2:26: machine.topology: engine tcg takes at most 128 NUMA"))
  }

  @Test(arguments: [(100, 196), (8, 127), (16, 255)])
  func `nodes without memory worth the name are the scenario's problem`(
    nodes: Int, mebibytes: Int
  ) throws {
    let line = try refusal(
      of: #""topology": "\#(nodes)n\#(nodes)l1c1t", "memory": "\#(mebibytes)MiB""#)
    #expect(line.contains("made.json:2:"))
    #expect(line.contains("machine.memory: expected at least 16MiB for each of \(nodes) NUMA"))
  }

  @Test func `a node's own memory must be worth the name, too`() throws {
    let line = try refusal(
      of: #""topology": {"nodes": [{"llcs": 1}, {"llcs": 1, "memory": "8MiB"}], "cores": 1}"#)
    #expect(
      line.hasPrefix(
        "made.json:2:26: machine.topology: expected at least 16MiB for each of 2 NUMA nodes"))
  }

  @Test func `APIC ids beyond the board's are the scenario's problem`() throws {
    let line = try refusal(of: #""topology": "1n84l1c3t""#)
    #expect(line.contains("machine.topology: engine tcg takes APIC ids up to 254, found 334"))
  }

  @Test func `the native engine takes what this host's KVM takes, not what QEMU takes`() throws {
    let limits = EngineLimits(engine: .kvm, cpus: 252, nodes: 2, apicID: 334)
    _ = try prepare(#""topology": "1n84l1c3t", "memory": "2GiB""#, kernel: kernel(), limits: limits)
    for (topology, words) in [
      ("1n85l1c2t", nil), ("1n253l1c1t", "takes at most 252 CPUs, found 253"),
      ("3n3l1c1t", "takes at most 2 NUMA nodes, found 3"),
      ("1n28l3c3t", "takes APIC ids up to 334, found 442"),
    ] as [(String, String?)] {
      let machine = #""topology": "\#(topology)", "memory": "2GiB""#
      guard let words else {
        _ = try prepare(machine, kernel: kernel(), limits: limits)
        continue
      }
      let line = try refusal(of: machine, limits: limits)
      #expect(line.hasPrefix("made.json:2:26: machine.topology: engine kvm \(words)"))
    }
  }

  @Test func `the largest topology that fits is prepared`() throws {
    let run = try prepare(
      #""topology": "128n128l1c1t", "memory": "2GiB""#, kernel: kernel())
    #expect(try Files.entries(of: run.directory.path).contains("machine.json"))
  }

  @Test(arguments: [
    ("1n2l1c3t", true), ("1n2l3c1t", true), ("1n1l6c1t", false), ("1n3l3c3t", false),
  ])
  func `few CPUs with gaps in their APIC ids are addressed one by one`(
    topology: String, isNeeded: Bool
  ) throws {
    let run = try prepare(#""topology": "\#(topology)""#, kernel: kernel())
    let request = try #require(
      try run.directory.read(json: RunRequest.self, from: .machine))
    #expect(request.machine.commandLine.contains { $0.text == "possible_cpus=9" } == isNeeded)
  }

  @Test(arguments: [0xffff_ffff_ffff_fff0, UInt64.max, 1 << 63, (1 << 30) + 1] as [UInt64])
  func `a kernel of an impossible size is refused in one line`(memorySize: UInt64) throws {
    let kernel = try kernel(memorySize: memorySize)
    let error = #expect(throws: PreparationError.self) {
      try prepare(#""cpus": 1"#, kernel: kernel)
    }
    let line = "\(try #require(error))"
    #expect(line.contains("the image is damaged") && line.contains("6.1.0-made"))
    #expect(!line.contains("\n"))
  }

  @Test func `a scheduler brings loader and object, and one host thread for all vCPUs`() throws {
    let kernel = try kernel()
    try Files.write(
      Array("\(Self.drivers)CONFIG_SCHED_CLASS_EXT=y\n".utf8),
      to: kernel.directory.appending("config").string)
    let object = scratch.path.appending("made.bpf.o").string
    try Files.write(Array("the object".utf8), to: object)
    let loader = scratch.path.appending("ktstr-scx").string
    try Files.write(Array("the loader".utf8), to: loader)
    try systemCall("chmod") { chmod(loader, 0o755) }
    // No other test of this process looks for the loader.
    setenv("KTSTR_SCX", loader, 1)
    defer { unsetenv("KTSTR_SCX") }
    let run = try prepare(
      #""cpus": 2"#, kernel: kernel, members: #", "scheduler": {"object": "\#(object)"}"#)
    #expect(run.unmetNeed == nil)
    let request = try #require(
      try run.directory.read(json: RunRequest.self, from: .machine))
    #expect(request.machine.threading == .single)
    #expect(request.machine.initramfs.count == 2)
    let archive = try Files.read(request.machine.initramfs[1], limit: 1 << 20)
    let text = String(decoding: archive, as: UTF8.self)
    #expect(text.contains("ktstr/scheduler/ktstr-scx\0"))
    #expect(text.contains("ktstr/scheduler/0/made.bpf.o\0"))
    #expect(text.contains("the loader") && text.contains("the object"))
    setenv("KTSTR_SCX", loader + "-not", 1)
    let error = #expect(throws: PreparationError.self) {
      try prepare(
        #""cpus": 2"#, kernel: kernel, members: #", "scheduler": {"object": "\#(object)"}"#)
    }
    #expect("\(String(describing: error))".contains("scheduler.object: the loader ktstr-scx is"))
  }

  @Test func `a kernel without sched_ext skips, before anything is looked for`() throws {
    let kernel = try kernel()
    let config = kernel.directory.appending("config")
    try Files.write(
      Array("\(Self.drivers)CONFIG_SMP=y\n# CONFIG_SCHED_CLASS_EXT is not set\n".utf8),
      to: config.string
    )
    let member = #", "scheduler": {"object": "nowhere.bpf.o"}"#
    let run = try prepare(#""cpus": 2"#, kernel: kernel, members: member)
    #expect(run.unmetNeed?.hasSuffix("built without it (CONFIG_SCHED_CLASS_EXT)") == true)
    try Files.write(Array("\(Self.drivers)CONFIG_SCHED_CLASS_EXT=y\n".utf8), to: config.string)
    #expect(throws: PreparationError.self) {
      try prepare(#""cpus": 2"#, kernel: kernel, members: member)
    }
  }

  @Test func `a kernel that was stored without a configuration is known by its BTF, or skipped`()
    throws
  {
    let member = #", "scheduler": {"object": "nowhere.bpf.o"}"#
    var kernel = try kernel()
    #expect(kernel.config == nil)
    #expect(
      try prepare(#""cpus": 2"#, kernel: kernel, members: member).unmetNeed
        == "the scenario requires sched_ext, and nothing tells if the kernel has it: it is stored "
        + "without a configuration and has no BTF")
    kernel = try known(kernel, schedExt: false)
    #expect(
      try prepare(#""cpus": 2"#, kernel: kernel, members: member).unmetNeed
        == "the scenario requires sched_ext, the kernel was built without it "
        + "(CONFIG_SCHED_CLASS_EXT)")
    kernel = try known(kernel, schedExt: true)
    // It is looked for what comes along then.
    #expect(throws: PreparationError.self) {
      try prepare(#""cpus": 2"#, kernel: kernel, members: member)
    }
    #expect(try prepare(#""cpus": 2"#, kernel: kernel).unmetNeed == nil)
  }

  /// A stored kernel as if its BTF had told of sched_ext.
  private func known(_ kernel: Kernel, schedExt: Bool) throws -> Kernel {
    var metadata = kernel.metadata
    metadata.schedExt = schedExt
    try Files.write(
      Array(try JSONEncoder().encode(metadata)),
      to: kernel.directory.appending("metadata.json").string)
    return try store.kernel(id: kernel.id)
  }

  /// The configuration without which no kernel is taken.
  private static let drivers =
    "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_VIRTIO_BLK=y\n"

  @Test func `a payload's program comes with its path in the guest's plan`() throws {
    let run = try prepare(
      #""cpus": 2"#, kernel: kernel(),
      members: #", "payload": [{"name": "p", "program": "sh", "arguments": ["-c", "x"]}]"#)
    let plan = try Plan(decoding: try #require(try run.directory.read(.plan)))
    #expect(plan.payloads[0].program.path.hasSuffix("/sh"))
    #expect(plan.payloads[0].program.arguments == ["sh", "-c", "x"])
    let request = try #require(
      try run.directory.read(json: RunRequest.self, from: .machine))
    #expect(request.machine.threading == .multi)
    let archive = try Files.read(request.machine.initramfs[1], limit: 1 << 28)
    #expect(archive.count > 100_000)
  }

  @Test(arguments: [
    (
      #"{"engine": "kvm"}"#, "the scenario requires the engine kvm, this run would use tcg"
    ),
    (
      #"{"kernel": ">=6.12"}"#,
      "the scenario requires a kernel >=6.12, this one is 6.1.0-made"
    ),
    (
      #"{"features": ["CONFIG_PSI"]}"#,
      "the scenario requires CONFIG_PSI, and the kernel's configuration is not known"
    ),
    (#"{"cpus": 8192}"#, "the scenario requires 8192 CPUs of the host"),
    (#"{"kernel": ">=6.1", "cpus": 1, "engine": "tcg"}"#, nil),
  ])
  func `what a scenario requires and does not get is told instead of run`(
    requires: String, unmet: String?
  ) throws {
    // More CPUs than any engine takes: what is skipped is not refused for want of room.
    let cpus = unmet == nil ? 1 : 1000
    let machine = #""cpus": \#(cpus)}, "requires": \#(requires.dropLast())"#
    let run = try prepare(machine, kernel: kernel())
    if let unmet {
      #expect(run.unmetNeed?.hasPrefix(unmet) == true, "\(run.unmetNeed ?? "met")")
      #expect(try Files.entries(of: run.directory.path) == ["run.json", "scenario.json"])
    } else {
      #expect(run.unmetNeed == nil)
    }
  }

  @Test func `without a cache to write, the base archive lies in the run directory`() throws {
    let kernel = try kernel()
    // Root may write anywhere but where a file is in the way.
    try Files.write(Array("x".utf8), to: store.baseCache.string)
    let run = try prepare(#""cpus": 1"#, kernel: kernel)
    let archive = "\(run.directory.path)/initramfs-base.cpio"
    let bytes = try Files.read(archive, limit: 1 << 20)
    #expect(bytes.starts(with: Array("070701".utf8)))
    let request = try #require(
      try run.directory.read(json: RunRequest.self, from: .machine))
    #expect(request.machine.initramfs == [archive])
  }
}

/// A directory of one test, gone when the test is done.
final class HarnessScratch {
  let path: FilePath

  init() throws {
    path = FilePath("/tmp").appending(
      "ktstr-harness-\(String(UInt64.random(in: .min ... .max), radix: 36))")
    try Files.makeDirectories(path.string)
  }

  deinit {
    try? Files.removeTree(path.string)
  }
}
