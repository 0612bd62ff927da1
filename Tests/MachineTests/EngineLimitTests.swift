import HostOS
import KVM
import Machine
import Testing
import Topology

@Suite struct EngineLimitTests {
  private func refusal(_ limits: EngineLimits, _ topology: String) throws -> String? {
    let topology = try CPUTopology(topology)
    do throws(MachineError) {
      try limits.check(topology)
      return nil
    } catch {
      return error.description
    }
  }

  private func limits(
    ids: Int, cpus: Int, split: Bool = true, wide: Bool = true
  ) throws -> EngineLimits {
    var features = try KVMDevice().features()
    features.apicIDLimit = ids
    features.maximalVCPUs = cpus
    features.hasSplitIRQChip = split
    features.hasWideAPICIDs = wide
    return .kvm(features)
  }

  @Test func `the software CPU's board ends at APIC id 254, 255 CPUs and 128 nodes`() throws {
    #expect(try refusal(.tcg, "1n64l1c3t") == nil)
    #expect(
      try refusal(.tcg, "1n84l1c3t")
        == "engine tcg takes APIC ids up to 254, the scenario's go up to 334")
    #expect(
      try refusal(.tcg, "1n256l1c1t")
        == "engine tcg takes at most 255 CPUs, the scenario asks for 256")
    #expect(
      try refusal(.tcg, "129n129l1c1t")
        == "engine tcg takes at most 128 NUMA nodes, the scenario asks for 129")
  }

  @Test func `our board has the limits of this kernel's KVM`() throws {
    let four = try limits(ids: 1024, cpus: 300)
    #expect(try refusal(four, "256n256l1c1t") == nil)
    #expect(try refusal(four, "1n256l1c3t")?.contains("at most 300 CPUs") == true)
    #expect(try refusal(try limits(ids: 336, cpus: 300), "1n84l1c3t") == nil)
    #expect(
      try refusal(try limits(ids: 334, cpus: 300), "1n84l1c3t")
        == "engine kvm takes APIC ids up to 333, the scenario's go up to 334")
  }

  @Test(arguments: [(false, true), (true, false)])
  func `without split controllers or wide ids the highest id is 254`(
    split: Bool, wide: Bool
  ) throws {
    let limits = try limits(ids: 4096, cpus: 1024, split: split, wide: wide)
    #expect(limits.apicID == 254)
    #expect(try refusal(limits, "1n64l1c3t") == nil)
    #expect(try refusal(limits, "1n84l1c3t") != nil)
  }

  @Test(arguments: [0, 1, Int.min + 1, Int.max])
  func `limits that make no sense do not trap`(ids: Int) throws {
    #expect(try limits(ids: ids, cpus: ids).apicID <= 0x7fff)
  }

  @Test(arguments: [
    ("1n64l1c3t", 0, false), ("1n84l1c3t", 0, true), ("1n2l1c1t", 8, true), ("1n2l1c1t", 0, false),
  ])
  func `ids above 254 take an IOAPIC of our own`(
    text: String, gap: Int, isSplit: Bool
  ) throws {
    let vm = try KVMDevice().makeVirtualMachine()
    let topology = try CPUTopology(text).spreadingAPICIDs(by: gap)
    let controllers = try InterruptControllers.make(for: topology, in: vm)
    switch controllers {
    case .full:
      #expect(!isSplit)
      #expect(try vm.ioAPIC().redirections.count == 24)
    case .split(let ioapic):
      #expect(isSplit)
      #expect(ioapic.redirections.allSatisfy { $0.isMasked })
      #expect(throws: KVMError.self) { try vm.ioAPIC() }
      #expect(try vm.makeVCPU(apicID: 334).apicID == 334)
    }
  }

  @Test func `a request from a file that asks for more than KVM has ends with its limit`() throws {
    // 4096 CPUs are what a topology may have at most; the interpreter's kernel has fewer.
    let topology = try CPUTopology("1n1365l1c3t")
    let here = try EngineLimits.here(.kvm)
    try #require(topology.highestAPICID > here.apicID)
    let request = MachineRequest(
      engine: .kvm, enginePath: nil, threading: .multi, kernelImage: "/nowhere", initramfs: [],
      commandLine: [], topology: topology, memoryBytes: 512 << 20, disk: nil)
    let error = #expect(throws: MachineError.self) {
      _ = try KVMMachine(request, initramfsTail: [], telemetryPort: "t")
    }
    #expect(
      error?.description.hasPrefix("engine kvm takes ") == true, "\(String(describing: error))")
  }
}
