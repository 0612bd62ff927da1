/// A boot sector that reads 8 sectors at LBA 100 through the BIOS, writes them to LBA 200, and ends
/// QEMU through its debug-exit port: status 33 when both calls succeeded, 35 when one failed.
enum BootSector {
  static let readLBA: UInt64 = 100
  static let writeLBA: UInt64 = 200
  static let sectors = 8
  static let successStatus: CInt = 33

  static func assemble() -> [UInt8] {
    let origin = 0x7c00
    let firstPacket = 0x80
    let secondPacket = 0x90
    var code: [UInt8] = [
      0x31, 0xc0,  // xor ax, ax
      0x8e, 0xd8,  // mov ds, ax
      0x8e, 0xc0,  // mov es, ax
      0x8e, 0xd0,  // mov ss, ax
      0xbc, 0x00, 0x7c,  // mov sp, 0x7c00
    ]
    var failures: [Int] = []
    func call(packet: Int, ax: UInt16) {
      let address = UInt16(origin + packet)
      code += [0xbe, UInt8(address & 0xff), UInt8(address >> 8)]  // mov si, packet
      code += [0xb8, UInt8(ax & 0xff), UInt8(ax >> 8)]  // mov ax, function
      code += [0xcd, 0x13]  // int 0x13
      code += [0x72, 0x00]  // jc fail
      failures.append(code.count)
    }
    call(packet: firstPacket, ax: 0x4200)  // extended read
    call(packet: secondPacket, ax: 0x4300)  // extended write
    code += [0xb0, 0x10]  // mov al, 0x10: QEMU exits with 2 * 0x10 + 1
    code += [0xeb, 0x02]  // jmp out
    let fail = code.count
    code += [0xb0, 0x11]  // mov al, 0x11
    code += [0xba, 0xf4, 0x00, 0xee]  // out: mov dx, 0xf4; out dx, al
    code += [0xf4, 0xeb, 0xfd]  // hlt; jmp to it
    for end in failures { code[end - 1] = UInt8(fail - end) }
    precondition(code.count <= firstPacket)

    var sector = code + [UInt8](repeating: 0, count: 512 - code.count)
    func packet(at offset: Int, lba: UInt64) {
      // Size 16, 8 sectors, buffer 0000:8000, block number.
      let head: [UInt8] = [16, 0, UInt8(sectors), 0, 0x00, 0x80, 0x00, 0x00]
      for (index, byte) in head.enumerated() { sector[offset + index] = byte }
      for index in 0..<8 {
        sector[offset + 8 + index] = UInt8(truncatingIfNeeded: lba >> (8 * index))
      }
    }
    packet(at: firstPacket, lba: readLBA)
    packet(at: secondPacket, lba: writeLBA)
    sector[510] = 0x55
    sector[511] = 0xaa
    return sector
  }
}
