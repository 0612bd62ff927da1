import Boot
import Testing

@Suite struct CpioWriterTests {
  @Test func `one file is exactly these bytes`() throws {
    var writer = CpioWriter()
    try writer.addFile("/a", Array("hello".utf8), permissions: 0o640)
    let archive = writer.finish()
    let expected =
      "070701" + "00000001" + "000081a0" + "00000000" + "00000000" + "00000001" + "00000000"
      + "00000005" + "00000000" + "00000000" + "00000000" + "00000000" + "00000002" + "00000000"
      + "a\0" + "hello\0\0\0"
      + "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000"
      + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "0000000b" + "00000000"
      + "TRAILER!!!\0" + "\0\0\0"
    #expect(archive.prefix(expected.utf8.count) == Array(expected.utf8)[...])
    #expect(archive.count == 512)
    #expect(archive.dropFirst(expected.utf8.count).allSatisfy { $0 == 0 })
  }

  @Test func `a device node carries its type and numbers`() throws {
    var writer = CpioWriter()
    try writer.addDevice("dev/console", .character, major: 5, minor: 1)
    let text = String(decoding: writer.finish(), as: UTF8.self)
    // c_mode is the second field, c_rdevmajor and c_rdevminor the tenth and eleventh.
    #expect(text.dropFirst(6 + 8).prefix(8) == "00002180")
    #expect(text.dropFirst(6 + 9 * 8).prefix(16) == "0000000500000001")
  }

  @Test(arguments: 1...12) func `every entry starts at a multiple of four`(length: Int) throws {
    var writer = CpioWriter()
    try writer.addFile(
      String(repeating: "n", count: length), [UInt8](repeating: 7, count: length))
    try writer.addDirectory("d")
    let archive = writer.finish()
    let starts = archive.indices.filter { archive[$0...].starts(with: Array("070701".utf8)) }
    #expect(starts.count == 3)
    #expect(starts.allSatisfy { $0 % 4 == 0 })
    #expect(archive.count % 512 == 0)
  }

  @Test func `no two entries share an inode number`() throws {
    var writer = CpioWriter()
    for index in 0..<50 { try writer.addFile("f\(index)", []) }
    let text = String(decoding: writer.finish(), as: UTF8.self)
    let inodes = text.components(separatedBy: "070701").dropFirst().dropLast().map { $0.prefix(8) }
    #expect(inodes.count == 50)
    #expect(Set(inodes).count == 50)
  }

  @Test func `equal contents give equal bytes`() throws {
    func make() throws -> [UInt8] {
      var writer = CpioWriter()
      try writer.addDirectory("ktstr")
      try writer.addSymbolicLink("link", to: "ktstr")
      return writer.finish()
    }
    #expect(try make() == make())
  }

  @Test(arguments: ["", "/", "a\0b", "TRAILER!!!", String(repeating: "x", count: 4096)])
  func `a name that the kernel would refuse is an error`(name: String) {
    var writer = CpioWriter()
    #expect(throws: CpioError.badName(name)) { try writer.addFile(name, []) }
  }
}

extension String {
  /// The parts between the occurrences of a text; Foundation's, without Foundation.
  fileprivate func components(separatedBy separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}
