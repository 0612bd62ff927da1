import Boot
import Glibc
import HostOS
import Testing
import Topology

/// Machines for tables, and the tables read back by their fields.
enum ACPIFixtures {
  /// Reads little-endian fields.
  static func field(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
    bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A machine whose nodes each have 256 MiB, one behind the other.
  static func machine(_ topology: CPUTopology, devices: Int = 2) -> ACPIMachine {
    ACPIMachine(
      topology: topology,
      memory: topology.nodes.indices.map {
        .init(node: $0, base: UInt64($0) << 28, length: 1 << 28)
      },
      devices: (0..<devices).map {
        .init(base: 0xc000_1000 + UInt32($0) << 12, gsi: UInt32($0) + 5)
      })
  }

  /// One table of a machine at 0xe0000.
  static func table(_ signature: String, _ machine: ACPIMachine) throws -> [UInt8] {
    let tables = try ACPITables.build(machine, base: 0xe0000)
    let range = try #require(tables.tables.first { $0.signature == signature }?.range)
    return Array(tables.bytes[range])
  }

  /// Subtables by type behind a header of this size.
  static func subtables(_ table: [UInt8], from start: Int) -> [(type: UInt8, bytes: [UInt8])] {
    var found: [(UInt8, [UInt8])] = []
    var offset = start
    while offset + 1 < table.count, table[offset + 1] >= 2 {
      let end = min(offset + Int(table[offset + 1]), table.count)
      found.append((table[offset], Array(table[offset..<end])))
      offset = end
    }
    return found
  }
}

/// A directory that is gone with the test.
final class TableFolder {
  let path: String

  init() throws {
    path = "/tmp/ktstr-acpi-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    try Files.makeDirectories(path)
  }

  deinit {
    try? Files.removeTree(path)
  }
}
