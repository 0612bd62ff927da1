/// An ELF "kernel": one segment of code and, pages later, data, at the lowest address for kernels.
struct GuestKernel {
  /// Where the code begins, which is where it is entered.
  static let start: UInt64 = 0x10_0000
  /// Where page tables and data may stand; the code in front has 64 KiB.
  static let data: UInt64 = start + 0x1_0000

  /// What the code may use beyond what the entry gives it.
  private static let directory = data
  /// The first address of data that no page table takes.
  static let free = data + 0x1000

  var code = GuestCode()
  private var memory = [UInt8](repeating: 0, count: 0x1_0000)

  /// Puts bytes into the data.
  mutating func put(_ bytes: [UInt8], at address: UInt64) {
    let offset = Int(address - Self.data)
    memory.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  /// Puts an integer into the data.
  mutating func put<Value: FixedWidthInteger>(_ value: Value, at address: UInt64) {
    put(
      (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value(8 * $0)) },
      at: address)
  }

  /// Maps the last GiB below 4 GiB, where devices are; the first GiB is mapped at the entry.
  ///
  /// The page directory stands in the data; its PDPT is the second page of
  /// `GuestLayout.pageTables`.
  mutating func mapDevices() {
    for index in 0..<512 as Range<UInt64> {
      put(0xc000_0000 | index << 21 | 0x83, at: Self.directory + 8 * index)
    }
    code.write(Self.directory | 3, to: 0xa000 + 8 * 3, 8)
  }

  /// The file: header, one program header, and the segment.
  func file() -> [UInt8] {
    let code = code.bytes
    precondition(code.count <= 0x1_0000, "\(code.count) bytes of code")
    let content = code + [UInt8](repeating: 0, count: 0x1_0000 - code.count) + memory
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    func put(_ value: UInt64, _ count: Int) {
      for index in 0..<count { file.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    put(2, 2)  // e_type: ET_EXEC
    put(62, 2)  // e_machine: EM_X86_64
    put(1, 4)  // e_version
    put(Self.start, 8)  // e_entry
    put(64, 8)  // e_phoff
    put(0, 8)  // e_shoff
    put(0, 4)  // e_flags
    for value in [64, 56, 1, 64, 0, 0] as [UInt64] { put(value, 2) }  // sizes and counts
    put(1, 4)  // p_type: PT_LOAD
    put(7, 4)  // p_flags
    put(4096, 8)  // p_offset
    put(Self.start, 8)  // p_vaddr
    put(Self.start, 8)  // p_paddr
    put(UInt64(content.count), 8)  // p_filesz
    put(UInt64(content.count), 8)  // p_memsz
    put(4096, 8)  // p_align
    return file + [UInt8](repeating: 0, count: 4096 - file.count) + content
  }
}
