import Boot
import HostOS
import SystemPackage
import Testing
import Topology

/// What Intel's ACPI compiler (package acpica-tools) makes of the tables.
@Suite struct ACPICompilerTests {
  private let folder: TableFolder

  init() throws {
    folder = try TableFolder()
  }

  private func iasl(_ arguments: [String]) throws -> String {
    var request = ToolRequest("iasl", arguments)
    request.workingDirectory = folder.path
    let result = try ToolRunner.run(request)
    return String(decoding: result.output, as: UTF8.self) + result.errors
  }

  @Test(arguments: [
    "1n1l1c1t", "1n1l64c1t", "2n4l8c2t", "3n3l5c3t", "1n84l1c3t", "4n4l1c1t",
  ])
  func `each table is understood without a warning, and made again byte by byte`(
    text: String
  ) throws {
    try check(ACPIFixtures.machine(try CPUTopology(text), devices: 18))
  }

  @Test func `uneven nodes, their distances and a machine without devices are understood`() throws {
    let topology = try CPUTopology(
      nodes: [.init(llcs: 3), .init(llcs: 1), .init(llcs: 0)], coresPerLLC: 2, threadsPerCore: 1,
      distances: [[10, 17, 40], [17, 10, 254], [40, 254, 10]])
    var machine = ACPIFixtures.machine(topology, devices: 0)
    machine.serial = nil
    try check(machine)
  }

  /// Takes a machine's tables apart and puts them together again.
  private func check(_ machine: ACPIMachine) throws {
    let tables = try ACPITables.build(machine, base: 0xe0000)
    // The compiler names itself in a DSDT; everything else is to come back as it was.
    for table in tables.tables where table.signature != "RSDP" {
      let name = table.signature.lowercased()
      let bytes = Array(tables.bytes[table.range])
      try Files.write(bytes, to: "\(folder.path)/\(name).aml")
      let said = try iasl(["-d", "\(name).aml"])
      #expect(!said.contains("arning") && !said.contains("rror"), "\(name): \(said)")
      let compiled = try iasl(["-p", "again-\(name)", "\(name).dsl"])
      #expect(compiled.contains(" 0 Errors, 0 Warnings"), "\(name): \(compiled)")
      var again = try Files.read("\(folder.path)/again-\(name).aml", limit: 1 << 20)
      try #require(again.count == bytes.count, "\(name): \(compiled)")
      // Checksum, compiler and its revision.
      for changed in [9] + Array(28..<36) { again[changed] = bytes[changed] }
      #expect(again == bytes, "\(name)")
    }
  }
}
