import Boot
import Testing

@Suite struct InitrdTests {
  static let page: UInt64 = 4096

  static func initrd(
    _ bytes: UInt64, memory: UInt64, kernel: [UInt8] = BootFixtures.elf(),
    entry: EntryChoice = .automatic
  ) throws -> InitrdPlacement? {
    try BootFixtures.plan(
      kernel, BootFixtures.request(memory: memory, initrd: bytes, entry: entry)
    ).initrd
  }

  @Test func `it is at the top of low RAM, at the start of a page`() throws {
    let cases: [(bytes: UInt64, memory: UInt64, address: UInt64)] = [
      (1, 128 << 20, (128 << 20) - 4096),
      (4096, 128 << 20, (128 << 20) - 4096),
      (4097, 128 << 20, (128 << 20) - 8192),
      (10 << 20, 128 << 20, 118 << 20),
      (10 << 20, 3 << 30, (3 << 30) - (10 << 20)),
      (10 << 20, 8 << 30, (3 << 30) - (10 << 20)),
      (10 << 20, 1 << 40, (3 << 30) - (10 << 20)),
    ]
    for (bytes, memory, address) in cases {
      for entry in EntryChoice.allCases {
        let placement = try Self.initrd(bytes, memory: memory, entry: entry)
        #expect(placement?.address == address)
        #expect(placement?.bytes == bytes)
      }
    }
  }

  @Test func `it fits down to the kernel, and then below it`() throws {
    // The kernel ends at 34 MiB and has gaps of 15 MiB below and 16 MiB between its segments.
    let memory: UInt64 = 64 << 20
    #expect(try Self.initrd(30 << 20, memory: memory)?.address == 34 << 20)
    #expect(throws: BootError.noRoomForInitrd(bytes: (30 << 20) + 1, below: memory)) {
      try Self.initrd((30 << 20) + 1, memory: memory)
    }
    // With RAM that ends right behind the kernel, the gap between the segments.
    let small: UInt64 = 34 << 20
    #expect(try Self.initrd(15 << 20, memory: small)?.address == 17 << 20)
    let gap: UInt64 = (16 << 20) - 4096
    #expect(try Self.initrd(gap, memory: small)?.address == (16 << 20) + 4096)
    #expect(throws: BootError.noRoomForInitrd(bytes: gap + 1, below: small)) {
      try Self.initrd(gap + 1, memory: small)
    }
  }

  @Test func `it goes below a kernel that is at the end of RAM`() throws {
    let kernel = BootFixtures.elf(
      entry: 16 << 20,
      segments: [.init(type: 1, bytes: [1], address: 16 << 20, memorySize: 4 << 20)])
    let memory: UInt64 = 20 << 20
    #expect(try Self.initrd(15 << 20, memory: memory, kernel: kernel)?.address == 1 << 20)
    #expect(throws: BootError.noRoomForInitrd(bytes: (15 << 20) + 1, below: memory)) {
      try Self.initrd((15 << 20) + 1, memory: memory, kernel: kernel)
    }
  }

  @Test(
    arguments: [128 << 20, (128 << 20) + 1, 1 << 32, 1 << 63, .max - 4096, .max] as [UInt64])
  func `one larger than RAM is refused`(bytes: UInt64) {
    #expect(throws: BootError.noRoomForInitrd(bytes: bytes, below: 128 << 20)) {
      try Self.initrd(bytes, memory: 128 << 20)
    }
  }

  @Test func `a bzImage's limit is honoured`() throws {
    func place(_ highest: UInt32, _ bytes: UInt64 = 4097) throws -> UInt64? {
      try Self.initrd(
        bytes, memory: 8 << 30, kernel: BootFixtures.bzImage(.init(highestInitrdByte: highest))
      )?.address
    }
    #expect(try place(0x7fff_ffff) == 0x7fff_e000)
    #expect(try place(0x37ff_ffff) == 0x37ff_e000)
    #expect(try place(0x37ff_fffe) == 0x37ff_d000)
    #expect(try place(.max) == 0xbfff_e000)
    #expect(throws: BootError.noRoomForInitrd(bytes: 1, below: 0)) { try place(0, 1) }
    #expect(throws: BootError.noRoomForInitrd(bytes: 1, below: 0x10_0000)) {
      try place(0x10_0000, 1)
    }
  }

  @Test func `it stays out of the room that a bzImage unpacks itself to`() throws {
    let kernel = BootFixtures.bzImage(.init(initSize: 48 << 20))
    // The room is 16 MiB to 64 MiB, and the image is at 1 MiB.
    #expect(try Self.initrd(4096, memory: 64 << 20, kernel: kernel)?.address == 0xff_f000)
    #expect(try Self.initrd(4096, memory: 65 << 20, kernel: kernel)?.address == 0x40f_f000)
    #expect(throws: BootError.noRoomForInitrd(bytes: 15 << 20, below: 64 << 20)) {
      try Self.initrd(15 << 20, memory: 64 << 20, kernel: kernel)
    }
  }
}
