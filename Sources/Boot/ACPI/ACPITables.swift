/// All ACPI tables of a machine, laid out for one place in guest memory.
///
/// The machine is a "hardware-reduced" one (ACPI 6.5 section 4.1): no power management registers,
/// no SCI, no PIC and no PIT are there for the guest, nor does it spend time on finding that out.
/// The virtual machine monitor serves two ports (``ACPIMachine/Power``), and must keep KVM's PIC
/// quiet, which no guest will: with LINT0 of the first local APIC masked.
package struct ACPITables: Hashable, Sendable {
  /// One table within ``bytes``.
  package struct Table: Hashable, Sendable {
    /// Its name of four characters; `RSDP` for the root pointer, which has another one.
    package var signature: String
    /// Where it lies in ``ACPITables/bytes``.
    package var range: Range<Int>
  }

  /// What tables are aligned to.
  package static let alignment = 16

  /// The tables, for the address that they were made for.
  package let bytes: [UInt8]
  /// Guest-physical address of the root pointer; the zero page's `acpi_rsdp_addr`.
  package let rsdpAddress: UInt64
  /// The tables one by one, in the order of their addresses.
  package let tables: [Table]

  /// Makes the tables of a machine; equal machines have equal tables.
  ///
  /// - Parameters:
  ///   - machine: What they describe.
  ///   - base: Guest-physical address, a multiple of ``alignment``, of memory that the guest's
  ///     map calls reserved or ACPI.
  /// - Throws: ``ACPIError``.
  package static func build(
    _ machine: ACPIMachine, base: UInt64
  ) throws(ACPIError) -> ACPITables {
    try machine.check()
    guard base.isMultiple(of: UInt64(alignment)) else { throw .base(base) }
    var layout = Layout()
    // The root pointer comes first, and is written last.
    layout.add("RSDP", [UInt8](repeating: 0, count: rootPointerSize))
    let dsdt = layout.add("DSDT", machine.dsdt)
    let listed = [
      layout.add("FACP", machine.fadt(dsdt: base &+ UInt64(dsdt))),
      layout.add("APIC", machine.madt), layout.add("SRAT", machine.srat),
      layout.add("SLIT", machine.slit),
    ]
    var xsdt = ACPITable("XSDT", revision: 1)
    for offset in listed { xsdt.append(base &+ UInt64(offset)) }
    let root = layout.add("XSDT", xsdt.finished())
    guard !base.addingReportingOverflow(UInt64(layout.bytes.count)).overflow else {
      throw .base(base)
    }
    layout.bytes.replaceSubrange(
      0..<rootPointerSize, with: rootPointer(xsdt: base + UInt64(root)))
    return ACPITables(bytes: layout.bytes, rsdpAddress: base, tables: layout.tables)
  }

  private struct Layout {
    var bytes: [UInt8] = []
    var tables: [Table] = []

    /// Puts a table behind the others and gives its offset.
    @discardableResult
    mutating func add(_ signature: String, _ table: [UInt8]) -> Int {
      let over = bytes.count % alignment
      if over != 0 { bytes.append(contentsOf: repeatElement(0, count: alignment - over)) }
      let offset = bytes.count
      bytes.append(contentsOf: table)
      tables.append(Table(signature: signature, range: offset..<bytes.count))
      return offset
    }
  }

  private static let rootPointerSize = 36

  /// RSDP of revision 2 (section 5.2.5.3), with a checksum for its old part and one for all.
  private static func rootPointer(xsdt: UInt64) -> [UInt8] {
    var bytes: [UInt8] = Array("RSD PTR ".utf8) + [0] + Array("KTSTR ".utf8) + [2]
    bytes += [UInt8](repeating: 0, count: 4)  // no RSDT
    for (value, count) in [(UInt64(rootPointerSize), 4), (xsdt, 8)] {
      for index in 0..<count {
        bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
      }
    }
    bytes += [0, 0, 0, 0]
    bytes[8] = ACPITable.checksum(bytes[..<20])
    bytes[32] = ACPITable.checksum(bytes)
    return bytes
  }
}
