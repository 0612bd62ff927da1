import Boot
import Testing

@Suite struct BootTablesTests {
  @Test func `the page tables map the first GiB to itself`() throws {
    let plan = try BootFixtures.plan(BootFixtures.elf(), BootFixtures.request())
    let tables = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.pageTables))
    #expect(tables.count == 3 * 4096)
    func entry(_ index: Int) -> UInt64 {
      BootFixtures.field(tables, UInt64.self, at: 8 * index)
    }
    #expect(entry(0) == 0xa003)
    #expect(entry(512) == 0xb003)
    for index in 1..<512 {
      #expect(entry(index) == 0)
      #expect(entry(512 + index) == 0)
    }
    for index in 0..<512 { #expect(entry(1024 + index) == UInt64(index) * 0x20_0000 + 0x83) }
    #expect(GuestLayout.identityMapped == 0..<(512 * 0x20_0000))
  }

  @Test func `the zero page of an ELF kernel, byte by byte`() throws {
    let request = try BootFixtures.request(
      memory: 4 << 30, initrd: 0x12_3456, rsdp: 0xf_f000)
    let plan = try BootFixtures.plan(BootFixtures.elf(), request)
    var page = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.zeroPage))
    #expect(page.count == 4096)
    func take(_ offset: Int, _ expected: [UInt8]) {
      let range = offset..<(offset + expected.count)
      #expect(Array(page[range]) == expected, "offset 0x\(String(offset, radix: 16))")
      page.replaceSubrange(range, with: [UInt8](repeating: 0, count: expected.count))
    }
    take(0x070, [0x00, 0xf0, 0x0f, 0, 0, 0, 0, 0])  // acpi_rsdp_addr
    take(0x1e8, [5])  // e820_entries
    take(0x1fe, [0x55, 0xaa])  // boot_flag
    take(0x202, Array("HdrS".utf8))  // header
    take(0x206, [0x0f, 0x02])  // version
    take(0x210, [0xff])  // type_of_loader
    take(0x211, [0x01])  // loadflags
    take(0x218, [0x00, 0xc0, 0xed, 0xbf])  // ramdisk_image: 0xc0000000 - 0x124000
    take(0x21c, [0x56, 0x34, 0x12, 0x00])  // ramdisk_size
    take(0x228, [0x00, 0x00, 0x02, 0x00])  // cmd_line_ptr
    take(0x230, [0x00, 0x00, 0x00, 0x01])  // kernel_alignment
    take(0x238, [0xff, 0x07, 0x00, 0x00])  // cmdline_size
    let map: [(UInt64, UInt64, UInt32)] = [
      (0, 0x9_fc00, 1), (0x9_fc00, 0x400, 2), (0xc_0000, 0x4_0000, 2),
      (0x10_0000, 0xbff0_0000, 1), (0x1_0000_0000, 0x4000_0000, 1),
    ]
    for (index, entry) in map.enumerated() {
      let offset = 0x2d0 + 20 * index
      take(offset, ImageFixtures.little(entry.0))
      take(offset + 8, ImageFixtures.little(entry.1))
      take(offset + 16, ImageFixtures.little(entry.2))
    }
    // Nothing else; above all not the sentinel at 0x1ef, which would make Linux clear the page.
    #expect(page.allSatisfy { $0 == 0 })
  }

  @Test func `without initrd and ACPI tables their fields are zero`() throws {
    let plan = try BootFixtures.plan(BootFixtures.elf(), BootFixtures.request())
    #expect(plan.initrd == nil)
    let page = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.zeroPage))
    for range in [0x70..<0x78, 0xc0..<0xcc, 0x218..<0x220] {
      #expect(page[range].allSatisfy { $0 == 0 })
    }
  }

  @Test func `PVH's start info, module list and memory map`() throws {
    let request = try BootFixtures.request(
      memory: 64 << 20, initrd: 0x1001, rsdp: 0xf_f000, entry: .pvh)
    let plan = try BootFixtures.plan(BootFixtures.elf(), request)
    let info = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.startInfo))
    #expect(
      info == [
        0x78, 0xc5, 0x6e, 0x33, 1, 0, 0, 0,  // magic, version
        0, 0, 0, 0, 1, 0, 0, 0,  // flags, nr_modules
        0x40, 0x60, 0, 0, 0, 0, 0, 0,  // modlist_paddr
        0, 0, 2, 0, 0, 0, 0, 0,  // cmdline_paddr
        0x00, 0xf0, 0x0f, 0, 0, 0, 0, 0,  // rsdp_paddr
        0x00, 0x68, 0, 0, 0, 0, 0, 0,  // memmap_paddr
        4, 0, 0, 0, 0, 0, 0, 0,  // memmap_entries, reserved
      ])
    let modules = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.moduleList))
    #expect(
      modules == [
        0x00, 0xe0, 0xff, 0x03, 0, 0, 0, 0,  // paddr: 64 MiB - 8 KiB
        0x01, 0x10, 0, 0, 0, 0, 0, 0,  // size
        0, 0, 0, 0, 0, 0, 0, 0,  // cmdline_paddr
        0, 0, 0, 0, 0, 0, 0, 0,  // reserved
      ])
    let map = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.memoryMap))
    let expected: [(UInt64, UInt64, UInt64)] = [
      (0, 0x9_fc00, 1), (0x9_fc00, 0x400, 2), (0xc_0000, 0x4_0000, 2),
      (0x10_0000, 0x3f0_0000, 1),
    ]
    #expect(
      map
        == expected.flatMap {
          ImageFixtures.little($0.0) + ImageFixtures.little($0.1) + ImageFixtures.little($0.2)
        })
    #expect(BootFixtures.bytes(of: plan, at: GuestLayout.zeroPage) == nil)
    #expect(BootFixtures.bytes(of: plan, at: GuestLayout.pageTables) == nil)
  }

  @Test func `PVH without an initrd names no module`() throws {
    let plan = try BootFixtures.plan(
      BootFixtures.elf(), BootFixtures.request(entry: .pvh))
    let info = try #require(BootFixtures.bytes(of: plan, at: GuestLayout.startInfo))
    #expect(info[12..<24].allSatisfy { $0 == 0 })
    #expect(BootFixtures.bytes(of: plan, at: GuestLayout.moduleList) == nil)
  }

  @Test(arguments: [EntryChoice.linux64, .pvh])
  func `the command line ends with a NUL`(entry: EntryChoice) throws {
    let plan = try BootFixtures.plan(
      BootFixtures.elf(), BootFixtures.request(entry: entry, commandLine: "a=1 b"))
    #expect(
      BootFixtures.bytes(of: plan, at: GuestLayout.commandLine) == Array("a=1 b".utf8) + [0])
  }

  @Test func `every write is to its own area`() throws {
    for entry in [EntryChoice.linux64, .pvh] {
      let plan = try BootFixtures.plan(
        BootFixtures.elf(), BootFixtures.request(initrd: 10, entry: entry))
      let areas = plan.writes.map { write in
        GuestLayout.areas.first { $0.range.contains(write.range) }?.name
      }
      #expect(areas == plan.writes.map(\.what))
      #expect(Set(areas).count == areas.count)
    }
  }
}
