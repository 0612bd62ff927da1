import Boot
import Testing
import Topology

@Suite struct GuestCPUIDTests {
  private func answers(
    _ host: [CPUIDEntry], _ text: String, cpu: Int = 0
  ) throws -> [CPUIDEntry] {
    let topology = try CPUTopology(text)
    return try GuestCPUID(supported: host, topology: topology)
      .entries(for: topology.cpu(at: cpu))
  }

  private func answer(
    _ function: UInt32, _ index: UInt32 = 0, in list: [CPUIDEntry]
  ) throws -> CPUIDEntry {
    let found = list.filter { $0.function == function && $0.index == index }
    try #require(found.count == 1, "leaf \(function) subleaf \(index)")
    return found[0]
  }

  @Test func `the basic leaf numbers the CPU and its package, and switches features`() throws {
    let leaf = try answer(1, in: answers(CPUIDHosts.intel, "1n2l5c2t", cpu: 19))
    // LLC 1, core 4, thread 1 of 1 + 3 bits: 1_100_1; 16 ids in each package; lines of 64 bytes.
    #expect(leaf.ebx == 0x1910_0800)
    // The host's without PDCM; x2APIC, TSC deadline and hypervisor set.
    #expect(leaf.ecx == 0x7ffe_fbff & ~0x8000 | 0x8120_0000)
    #expect(leaf.edx == 0x1fab_fbff)
    #expect(leaf.eax == 0x0006_06a6 && leaf.flags == 0)

    let alone = try answer(1, in: answers(CPUIDHosts.intel, "2n2l1c1t", cpu: 1))
    #expect(alone.ebx == 0x0101_0800)
    #expect(alone.edx == 0x0fab_fbff, "no HTT in a package of one CPU")
  }

  @Test func `Intel's caches keep their sizes and are shared as asked for`() throws {
    let list = try answers(CPUIDHosts.intel, "1n2l5c2t")
    #expect(
      list.filter { $0.function == 4 } == [
        // 2 ids to a core, 16 to the L3; 8 core ids in each package.
        CPUIDHosts.leaf(4, 0, eax: 0x1c00_4121, ebx: 0x02c0_003f, ecx: 63),
        CPUIDHosts.leaf(4, 1, eax: 0x1c00_4122, ebx: 0x01c0_003f, ecx: 63),
        CPUIDHosts.leaf(4, 2, eax: 0x1c00_4143, ebx: 0x04c0_003f, ecx: 1023),
        CPUIDHosts.leaf(4, 3, eax: 0x1c03_c163, ebx: 0x03c0_003f, ecx: 32767),
        CPUIDHosts.leaf(4, 4),
      ])
    #expect(!list.contains { [0x8000_001d, 0x8000_001e].contains($0.function) })
    #expect(try answer(0x8000_0008, in: list).ecx == 0, "reserved for Intel")
    #expect(try answer(0x8000_0000, in: list).eax == 0x8000_0008)
  }

  @Test func `counts beyond a field's room become all ones`() throws {
    let list = try answers(CPUIDHosts.intel, "1n1l300c1t")
    #expect(try answer(1, in: list).ebx == 0x00ff_0800)
    // 64 core ids are all that the field can say; the L3 spans 512.
    #expect(try answer(4, 3, in: list).eax == 0xfc7f_c163)
    let wide = try answers(CPUIDHosts.intel, "1n1l4096c1t", cpu: 4095)
    #expect(try answer(4, 3, in: wide).eax == 0xffff_c163)
    #expect(try answer(0xb, 1, in: wide).eax == 12)
    #expect(try answer(0xb, 1, in: wide).ebx == 4096)
    let amd = try answers(CPUIDHosts.amd, "1n1l4096c1t", cpu: 4095)
    #expect(try answer(0x8000_0008, in: amd).ecx == 0x0000_c0ff)
  }

  @Test(arguments: [0xb, 0x1f] as [UInt32])
  func `Intel's topology leaves name threads, cores and the CPU itself`(leaf: UInt32) throws {
    let list = try answers(CPUIDHosts.intel, "1n2l5c2t", cpu: 19)
    #expect(
      list.filter { $0.function == leaf } == [
        CPUIDHosts.leaf(leaf, 0, eax: 1, ebx: 2, ecx: 0x100, edx: 0x19),
        CPUIDHosts.leaf(leaf, 1, eax: 4, ebx: 10, ecx: 0x201, edx: 0x19),
        CPUIDHosts.leaf(leaf, 2, ecx: 2, edx: 0x19),
      ])
  }

  @Test func `one of everything has no bits to shift`() throws {
    let list = try answers(CPUIDHosts.intel, "1n1l1c1t")
    #expect(
      list.filter { $0.function == 0xb } == [
        CPUIDHosts.leaf(0xb, 0, ebx: 1, ecx: 0x100),
        CPUIDHosts.leaf(0xb, 1, ebx: 1, ecx: 0x201),
        CPUIDHosts.leaf(0xb, 2, ecx: 2),
      ])
    #expect(try answer(4, 3, in: list).eax == 0x0000_0163)
    #expect(try answer(1, in: list).ebx == 0x0001_0800)
  }

  @Test func `ids over 254 are whole in the topology leaves and cut in leaf 1`() throws {
    // 2 bits of threads, so that the last id is 334.
    let list = try answers(CPUIDHosts.intel, "1n84l1c3t", cpu: 251)
    #expect(try answer(0xb, in: list).edx == 334)
    #expect(try answer(1, in: list).ebx >> 24 == 334 & 0xff)
    let amd = try answers(CPUIDHosts.amd, "1n84l1c3t", cpu: 251)
    #expect(try answer(0x8000_001e, in: amd).eax == 334)
    #expect(try answer(0xb, in: amd).edx == 334)
    #expect(try answer(0x8000_001e, in: amd).ecx == 83)
  }

  @Test func `an Intel host without leaf 0x1F gets it`() throws {
    var host = CPUIDHosts.intel.filter { $0.function != 0x1f }
    host[0].eax = 0x16
    let list = try answers(host, "1n1l2c1t", cpu: 1)
    #expect(try answer(0, in: list).eax == 0x1f)
    #expect(try answer(0x1f, 1, in: list).edx == 1)
  }

  @Test func `a host that tells of no L3 gets one of 16 MiB`() throws {
    let host = CPUIDHosts.intel.filter { $0.function != 4 || $0.index < 3 }
    let list = try answers(host, "1n1l2c1t")
    #expect(
      try answer(4, 3, in: list)
        == CPUIDHosts.leaf(4, 3, eax: 0x0400_4163, ebx: 0x03c0_003f, ecx: 16383))
    let bare = try answers(host.filter { $0.function != 4 }, "1n1l2c1t")
    #expect(try answer(4, 0, in: bare).eax == 0x0400_0121)
    #expect(try answer(4, 2, in: bare).ecx == 1023)
  }

  @Test func `performance counters, turbo and napping in user space are switched off`() throws {
    let list = try answers(CPUIDHosts.intel, "1n1l1c1t")
    #expect(try answer(0xa, in: list) == CPUIDEntry(function: 0xa))
    #expect(try answer(6, in: list) == CPUIDEntry(function: 6, eax: 5, ecx: 1))
    let leaf = try answer(7, in: list)
    #expect(leaf.ebx == 0xf1bf_07ab | 0x2040)
    #expect(leaf.ecx == 0x0040_5f7e & ~0x20)
    #expect(leaf.edx == 0xac00_0410)
    #expect(try answer(7, 1, in: list).eax == 0x30)
  }

  @Test func `KVM's own leaves stay, but for the hint of dedicated CPUs`() throws {
    let list = try answers(CPUIDHosts.intel, "1n1l1c1t")
    #expect(try answer(0x4000_0000, in: list) == CPUIDHosts.intel[15])
    #expect(try answer(0x4000_0001, in: list).eax == 0x0100_7efb)
    let topology = try CPUTopology("1n1l1c1t")
    let dedicated = try GuestCPUID(
      supported: CPUIDHosts.intel, topology: topology, hasDedicatedCPUs: true
    ).entries(for: topology.cpu(at: 0))
    #expect(try answer(0x4000_0001, in: dedicated).edx == 1)
  }

  @Test func `AMD's leaves say the same in their own way`() throws {
    let list = try answers(CPUIDHosts.amd, "1n2l5c2t", cpu: 19)
    #expect(try answer(1, in: list).ebx == 0x1910_0800)
    #expect(try answer(0x8000_0001, in: list).ecx == 0x75c2_37ff)
    // 10 threads, 4 bits of APIC id; the host's EAX and EBX.
    #expect(
      try answer(0x8000_0008, in: list)
        == CPUIDEntry(function: 0x8000_0008, eax: 0x3030, ebx: 0x1111_1000, ecx: 0x0000_4009))
    #expect(
      list.filter { $0.function == 0x8000_001d } == [
        CPUIDHosts.leaf(0x8000_001d, 0, eax: 0x0000_4121, ebx: 0x01c0_003f, ecx: 63),
        CPUIDHosts.leaf(0x8000_001d, 1, eax: 0x0000_4122, ebx: 0x01c0_003f, ecx: 63),
        CPUIDHosts.leaf(0x8000_001d, 2, eax: 0x0000_4143, ebx: 0x01c0_003f, ecx: 1023, edx: 2),
        CPUIDHosts.leaf(0x8000_001d, 3, eax: 0x0003_c163, ebx: 0x03c0_003f, ecx: 16383, edx: 1),
        CPUIDHosts.leaf(0x8000_001d, 4),
      ])
    // Core 4 of its package, two threads; package 1, one node in it.
    #expect(
      try answer(0x8000_001e, in: list)
        == CPUIDEntry(function: 0x8000_001e, eax: 0x19, ebx: 0x104, ecx: 1))
    #expect(
      list.filter { $0.function == 0xb } == [
        CPUIDHosts.leaf(0xb, 0, eax: 1, ebx: 2, ecx: 0x100, edx: 0x19),
        CPUIDHosts.leaf(0xb, 1, eax: 4, ebx: 10, ecx: 0x201, edx: 0x19),
        CPUIDHosts.leaf(0xb, 2, ecx: 2, edx: 0x19),
      ])
    #expect(!list.contains { [4, 0x1f, 0x8000_0026].contains($0.function) })
    #expect(try answer(7, in: list).edx == 0x10)
    #expect(try answer(7, in: list).ebx == 0x219c_91a9)
  }

  @Test func `a package of one AMD CPU is no multi-core`() throws {
    let list = try answers(CPUIDHosts.amd, "1n2l1c1t")
    #expect(try answer(0x8000_0001, in: list).ecx == 0x75c2_37fd)
    #expect(try answer(0x8000_0008, in: list).ecx == 0)
  }

  @Test func `an AMD host without topology extensions makes the same guest`() throws {
    let list = try answers(CPUIDHosts.softwareAMD, "1n2l2c2t", cpu: 7)
    #expect(try answer(0, in: list).eax == 0xd)
    #expect(try answer(0x8000_0001, in: list).ecx == 0x0040_01f7)
    #expect(try answer(0x8000_001e, in: list).ebx == 0x101)
    #expect(
      list.filter { $0.function == 0x8000_001d } == [
        CPUIDHosts.leaf(0x8000_001d, 0, eax: 0x0000_4121, ebx: 0x01c0_003f, ecx: 63),
        CPUIDHosts.leaf(0x8000_001d, 1, eax: 0x0000_4122, ebx: 0x00c0_003f, ecx: 255),
        CPUIDHosts.leaf(0x8000_001d, 2, eax: 0x0000_4143, ebx: 0x01c0_003f, ecx: 1023),
        // 8 MiB, 16 ways, 4 ids.
        CPUIDHosts.leaf(0x8000_001d, 3, eax: 0x0000_c163, ebx: 0x03c0_003f, ecx: 8191),
        CPUIDHosts.leaf(0x8000_001d, 4),
      ])
    #expect(try answer(0xb, 1, in: list).edx == 7)
    #expect(try answer(0x8000_0006, in: list).edx == 0x0040_8140)
  }

  @Test func `Zen 1 passes for Zen 2, whose LLCs may have any width`() throws {
    for (host, signature) in [
      (0x0080_0f12, 0x0083_0f12), (0x0081_0f10, 0x0083_0f10), (0x0083_0f10, 0x0083_0f10),
      (0x00a2_0f10, 0x00a2_0f10), (0x0060_0f20, 0x0060_0f20),
    ] as [(UInt32, UInt32)] {
      var list = CPUIDHosts.softwareAMD
      for position in list.indices where [1, 0x8000_0001].contains(list[position].function) {
        list[position].eax = host
      }
      let guest = try answers(list, "1n1l2c1t")
      #expect(try answer(1, in: guest).eax == signature)
      #expect(try answer(0x8000_0001, in: guest).eax == signature)
    }
  }

  @Test func `an AMD host without an L3 tells its guest of one everywhere`() throws {
    var host = CPUIDHosts.softwareAMD
    host[6].edx = 0
    let list = try answers(host, "1n1l2c1t")
    #expect(try answer(0x8000_001d, 3, in: list).ecx == 16383)
    // 32 times 512 KiB; ways in leaf 0x8000001D; one line to a tag; 64 bytes.
    #expect(try answer(0x8000_0006, in: list).edx == 0x0080_9140)
  }

  @Test func `leaves come once, in order, and no more than KVM takes`() throws {
    for host in [CPUIDHosts.intel, CPUIDHosts.amd, CPUIDHosts.softwareAMD] {
      let keys = try answers(host, "3n9l3c2t", cpu: 40).map {
        UInt64($0.function) << 32 | UInt64($0.index)
      }
      #expect(keys == keys.sorted() && Set(keys).count == keys.count)
    }
    let many = CPUIDHosts.intel + (0..<250).map { CPUIDHosts.leaf(0x14, $0) }
    #expect {
      try answers(many, "1n1l1c1t")
    } throws: { error in
      guard case CPUIDError.tooManyEntries(let count, limit: 256) = error else { return false }
      return count > 256
    }
  }

  @Test func `a list without the leaves that all others hang on is refused`() throws {
    #expect(throws: CPUIDError.missingLeaf(0)) { try answers([], "1n1l1c1t") }
    #expect(throws: CPUIDError.missingLeaf(1)) {
      try answers([CPUIDHosts.intel[0]], "1n1l1c1t")
    }
  }
}
