import Boot
import Testing

@Suite struct GuestLayoutTests {
  @Test func `no area overlaps another, and they are listed by address`() {
    #expect(GuestLayout.areas.count == 18)
    for (area, next) in zip(GuestLayout.areas, GuestLayout.areas.dropFirst()) {
      #expect(!area.range.isEmpty)
      #expect(area.range.upperBound <= next.range.lowerBound, "\(area.name), \(next.name)")
    }
  }

  @Test(arguments: [16 << 20, 3 << 30, 1 << 40] as [UInt64])
  func `each area is in RAM or not as it has to be`(bytes: UInt64) throws {
    let memory = try PhysicalMemory(bytes: bytes)
    for area in GuestLayout.areas {
      switch area.backing {
      case .memory:
        #expect(memory.map.contains { $0.kind == .memory && $0.range.contains(area.range) })
        #expect(area.range.upperBound <= GuestLayout.kernelStart, "\(area.name)")
      case .reservedMemory:
        #expect(memory.map.contains { $0.kind == .reserved && $0.range.contains(area.range) })
        #expect(memory.fileOffset(of: area.range) == area.range.lowerBound, "\(area.name)")
      case .device:
        #expect(GuestLayout.hole.contains(area.range), "\(area.name)")
        #expect(!memory.slots.contains { $0.range.overlaps(area.range) }, "\(area.name)")
      }
    }
  }

  @Test func `what the kernel's first instructions touch is mapped`() {
    for area in GuestLayout.areas where area.backing != .device {
      #expect(GuestLayout.identityMapped.contains(area.range), "\(area.name)")
    }
    #expect(GuestLayout.stack.contains(GuestLayout.stackPointer))
    #expect(GuestLayout.stackPointer % 16 == 0)
  }

  @Test func `the RSDP is where kernels look for it`() {
    // arch/x86 and ACPI 5.2.5.1 scan 0xe0000 to 1 MiB in steps of 16.
    #expect((0xe_0000..<0x10_0000).contains(GuestLayout.rsdp))
    #expect(GuestLayout.rsdp.lowerBound % 16 == 0)
  }

  @Test func `tables are aligned as the CPU wants them`() {
    #expect(GuestLayout.gdt.lowerBound % 8 == 0)
    #expect(GuestLayout.idt.lowerBound % 8 == 0)
    #expect(GuestLayout.pageTables.lowerBound % 4096 == 0)
    #expect(GuestLayout.zeroPage.lowerBound % 4096 == 0)
    // Of 64-bit fields, which PVH kernels read as they are.
    #expect(GuestLayout.startInfo.lowerBound % 8 == 0)
    #expect(GuestLayout.memoryMap.lowerBound % 8 == 0)
  }

  @Test func `addresses that KVM fixes are KVM's`() {
    #expect(GuestLayout.ioAPIC.lowerBound == 0xfec0_0000)
    #expect(GuestLayout.localAPIC.lowerBound == 0xfee0_0000)
    #expect(GuestLayout.kvmIdentityMap == 0xfffb_c000..<0xfffb_d000)
    #expect(GuestLayout.kvmTSS == 0xfffb_d000..<0xfffc_0000)
  }

  @Test func `virtio devices get windows and interrupts until the interrupts run out`() throws {
    let first = try #require(VirtioMMIODevice(index: 0))
    #expect(first.window == 0xc000_1000..<0xc000_2000)
    #expect(first.interrupt == 5)
    let last = try #require(VirtioMMIODevice(index: 18))
    #expect(last.window == 0xc001_3000..<0xc001_4000)
    #expect(last.interrupt == 23)
    for index in [19, -1, .max, .min] { #expect(VirtioMMIODevice(index: index) == nil) }
    for index in 0..<19 {
      let device = try #require(VirtioMMIODevice(index: index))
      #expect(GuestLayout.virtioDevices.contains(device.window))
    }
  }
}
