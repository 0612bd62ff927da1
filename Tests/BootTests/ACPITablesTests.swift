import Boot
import Testing
import Topology

@Suite struct ACPITablesTests {
  /// Two nodes of one CPU each, 256 MiB each, one device.
  private let small: ACPIMachine

  init() throws {
    small = ACPIFixtures.machine(try CPUTopology("2n2l1c1t"), devices: 1)
  }

  /// The bytes that hexadecimal text spells, comments and blanks left out.
  private func bytes(_ text: String) throws -> [UInt8] {
    let digits = text.split(separator: "\n").flatMap { line in
      line.prefix { $0 != "/" }.filter { !$0.isWhitespace }
    }
    return try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(String(digits[$0..<$0 + 2]), radix: 16))
    }
  }

  /// The common header but for the name: length, revision, checksum, who made it.
  private func header(_ length: String, _ revision: String, _ checksum: String) -> String {
    """
    \(length) \(revision) \(checksum) 4b5453545220  // KTSTR
    4b54535452564d20 01000000  // KTSTRVM 1
    4b545354 01000000  // KTST 1

    """
  }

  @Test func `the root pointer leads to the list, and the list to the tables`() throws {
    let tables = try ACPITables.build(small, base: 0xe0000)
    #expect(tables.rsdpAddress == 0xe0000)
    #expect(
      tables.tables.map(\.signature) == ["RSDP", "DSDT", "FACP", "APIC", "SRAT", "SLIT", "XSDT"])
    #expect(
      Array(tables.bytes[..<36])
        == (try bytes(
          """
          5253442050545220 27 4b5453545220 02  // RSD PTR, revision 2
          00000000 24000000 30030e0000000000  // no RSDT, 36 bytes, XSDT at 0xe0330
          9b 000000
          """)))
    #expect(
      try ACPIFixtures.table("XSDT", small)
        == bytes(
          "58534454" + header("44000000", "01", "ae")
            + "e0000e0000000000 00020e0000000000 50020e0000000000 00030e0000000000"))
    for (entry, signature) in ["FACP", "APIC", "SRAT", "SLIT"].enumerated() {
      let xsdt = try ACPIFixtures.table("XSDT", small)
      let place = ACPIFixtures.field(xsdt, 36 + 8 * entry, 8) - 0xe0000
      #expect(
        tables.bytes[Int(place)..<Int(place) + 4].elementsEqual(Array(signature.utf8)))
    }
  }

  @Test func `the FADT has no registers but those of reset and sleep`() throws {
    var machine = small
    machine.power = .init(resetPort: 0xcf9, resetValue: 6, sleepPort: 0x1234)
    let table = try ACPIFixtures.table("FACP", machine)
    #expect(table.count == 276 && table[8] == 6 && table[131] == 5)
    var rest = table
    for (offset, expected) in [
      (109, "2400"),  // no VGA, no RTC
      (112, "75141000"),  // hardware-reduced, headless, reset register, no buttons, C1, WBINVD
      (116, "01080001 f90c000000000000 06"), (244, "01080001 3412000000000000"),
      (256, "01080001 3412000000000000"), (268, "4b54535452000000"),
      (140, "30000e0000000000"),  // DSDT
    ] {
      let field = try bytes(expected)
      #expect(Array(table[offset..<offset + field.count]) == field, "at \(offset)")
      for index in field.indices { rest[offset + index] = 0 }
    }
    rest[131] = 0
    #expect(rest[36...].allSatisfy { $0 == 0 })
  }

  @Test func `the MADT lists CPUs, the I/O APIC and the NMI`() throws {
    #expect(
      try ACPIFixtures.table("APIC", small)
        == bytes(
          "41504943" + header("4e000000", "05", "6e") + """
            0000e0fe 00000000  // local APICs, no PC/AT
            0008 00 00 01000000  // CPU 0, id 0
            0008 01 01 01000000  // CPU 1, id 1
            010c 00 00 0000c0fe 00000000  // I/O APIC 0, GSI 0
            0406 ff 0000 01  // all CPUs, LINT1
            """))
  }

  @Test func `APIC ids from 255 on have wide entries`() throws {
    let table = try ACPIFixtures.table(
      "APIC", ACPIFixtures.machine(try CPUTopology("1n84l1c3t")))
    let entries = ACPIFixtures.subtables(table, from: 44)
    // 64 LLCs have ids up to 254, in steps of 4.
    #expect(entries.count { $0.type == 0 } == 192)
    #expect(entries.count { $0.type == 9 } == 60)
    #expect(try entries[191].bytes == bytes("0008 bf fe 01000000"))
    #expect(try entries[192].bytes == bytes("0910 0000 00010000 01000000 c0000000"))
    #expect(try entries[251].bytes == bytes("0910 0000 4e010000 01000000 fb000000"))
    let nmi = try #require(entries.last)
    #expect(try nmi.bytes == bytes("0a0c 0000 ffffffff 01 000000"))
    let narrow = try ACPIFixtures.table(
      "APIC", ACPIFixtures.machine(try CPUTopology("1n1l255c1t")))
    #expect(!ACPIFixtures.subtables(narrow, from: 44).contains { $0.type > 4 })
  }

  @Test func `the SRAT has each CPU and each range of memory`() throws {
    #expect(
      try ACPIFixtures.table("SRAT", small)
        == bytes(
          "53524154" + header("b0000000", "03", "fa") + """
            01000000 0000000000000000
            0218 0000 00000000 00000000 01000000 0000000000000000  // node 0, id 0
            0218 0000 01000000 01000000 01000000 0000000000000000  // node 1, id 1
            0128 00000000 0000 0000000000000000 0000001000000000 00000000 01000000 0000000000000000
            0128 01000000 0000 0000001000000000 0000001000000000 00000000 01000000 0000000000000000
            """))
  }

  @Test func `the SLIT is the matrix of distances`() throws {
    #expect(
      try ACPIFixtures.table("SLIT", small)
        == bytes(
          "534c4954" + header("30000000", "01", "fa") + "0200000000000000 0a14 140a"))
  }

  @Test func `the DSDT has the sleep state, the serial port and the devices`() throws {
    #expect(
      try ACPIFixtures.table("DSDT", small)
        == bytes(
          "44534454" + header("ae000000", "02", "00") + """
            08 5f53355f 1207 04 0a05 00 00 00  // _S5_
            10 4c07 5f53425f  // _SB_
            5b82 31 434f4d31  // COM1
              08 5f484944 0c 41d00501  // _HID PNP0501
              08 5f554944 01
              08 5f435253 11 16 0a13
                47 01 f803 f803 01 08  // ports
                89 0600 03 01 04000000  // GSI 4, edge, high
                7900
            5b82 4104 56303030  // V000
              08 5f484944 0d 4c4e524f3030303500  // _HID LNRO0005
              08 5f554944 00
              08 5f434341 01  // _CCA
              08 5f435253 11 1a 0a17
                86 0900 01 001000c0 00100000  // registers at 0xc0001000
                89 0600 03 01 05000000  // GSI 5
                7900
            """))
  }

  @Test(arguments: [0, 1, 2, 19])
  func `lengths grow with the devices`(devices: Int) throws {
    let machine = ACPIFixtures.machine(try CPUTopology("1n1l1c1t"), devices: devices)
    let table = try ACPIFixtures.table("DSDT", machine)
    // Behind the header, _S5_ and the opcode; it counts all that follows the opcode.
    let start = 36 + 13 + 1
    let more = Int(table[start] >> 6)
    var length = more == 0 ? Int(table[start] & 0x3f) : Int(table[start] & 0xf)
    for index in 0..<more { length |= Int(table[start + 1 + index]) << (4 + 8 * index) }
    #expect(start + length == table.count)
    #expect(table.count { $0 == 0x86 } >= devices)
  }

  @Test func `every table adds up to nothing, and so does the old part of the root`() throws {
    for text in ["1n1l1c1t", "1n84l1c3t", "4n8l4c2t"] {
      let tables = try ACPITables.build(
        ACPIFixtures.machine(try CPUTopology(text)), base: 0x1_0000_0000)
      for table in tables.tables {
        #expect(tables.bytes[table.range].reduce(0, &+) == 0, "\(text) \(table.signature)")
        #expect(table.range.lowerBound.isMultiple(of: 16))
        if table.signature != "RSDP" {
          let bytes = Array(tables.bytes[table.range])
          #expect(ACPIFixtures.field(bytes, 4, 4) == UInt64(bytes.count))
          #expect(bytes.starts(with: Array(table.signature.utf8)))
        }
      }
      #expect(tables.bytes[..<20].reduce(0, &+) == 0)
      #expect(tables.tables.last?.range.upperBound == tables.bytes.count)
    }
  }

  @Test func `equal machines have equal tables, which differ with the place`() throws {
    #expect(
      try ACPITables.build(small, base: 0xe0000) == ACPITables.build(small, base: 0xe0000))
    #expect(
      try ACPITables.build(small, base: 0xe0000).bytes
        != ACPITables.build(small, base: 0xf0000).bytes)
  }
}
