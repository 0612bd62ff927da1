import Boot
import Testing

@Suite struct CommandLineTests {
  @Test func `parts are joined in order and keep their reasons`() throws {
    var line = CommandLine()
    try line.append("console=ttyS0 quiet", because: "one")
    try line.append("dyndbg=\"file a.c +p\"", because: "two")
    #expect(line.text == "console=ttyS0 quiet dyndbg=\"file a.c +p\"")
    #expect(line.parts.map(\.reason) == ["one", "two"])
  }

  @Test func `a line without parts is empty`() throws {
    let request = BootRequest(
      memory: try BootFixtures.memory(32 << 20 + 4 << 20), commandLine: CommandLine())
    let plan = try BootFixtures.plan(BootFixtures.elf(), request)
    #expect(BootFixtures.bytes(of: plan, at: GuestLayout.commandLine) == [0])
  }

  @Test func `what would end or change the line is refused`() throws {
    func expect(_ text: String, _ error: CommandLineError) {
      var line = CommandLine()
      #expect(throws: error) { try line.append(text, because: "why") }
      #expect(line.parts.isEmpty)
    }
    expect("", .empty(reason: "why"))
    expect(" \t", .empty(reason: "why"))
    expect("a\0b", .forbiddenByte(0, part: "a\0b"))
    expect("a\nb", .forbiddenByte(0x0a, part: "a\nb"))
    expect("a\r\nb", .forbiddenByte(0x0d, part: "a\r\nb"))
    expect("a\u{7f}", .forbiddenByte(0x7f, part: "a\u{7f}"))
    expect("x=\"a b", .unbalancedQuote(part: "x=\"a b"))
  }

  @Test func `nothing comes after the arguments of init`() throws {
    var line = try BootFixtures.commandLine("quiet")
    try line.append("-- shell", because: "init's own")
    #expect(throws: CommandLineError.afterInitArguments(part: "panic=1")) {
      try line.append("panic=1", because: "too late")
    }
    #expect(line.text == "quiet -- shell")
    // Not the word alone.
    var other = try BootFixtures.commandLine("a=-- b--")
    try other.append("c", because: "still a parameter")
  }

  @Test func `an ELF kernel takes 2047 bytes`() throws {
    let fits = String(repeating: "a", count: 2047)
    let plan = try BootFixtures.plan(
      BootFixtures.elf(), BootFixtures.request(commandLine: fits))
    #expect(BootFixtures.bytes(of: plan, at: GuestLayout.commandLine)?.count == 2048)
    #expect(throws: BootError.commandLine(.tooLong(bytes: 2048, limit: 2047))) {
      try BootFixtures.plan(BootFixtures.elf(), BootFixtures.request(commandLine: fits + "b"))
    }
  }

  @Test func `a bzImage says how many it takes, and the layout how many there can be`() throws {
    func bytes(_ size: UInt32, _ count: Int) throws -> Int? {
      let plan = try BootFixtures.plan(
        BootFixtures.bzImage(.init(commandLineSize: size)),
        BootFixtures.request(commandLine: String(repeating: "ä", count: count / 2)))
      return BootFixtures.bytes(of: plan, at: GuestLayout.commandLine)?.count
    }
    #expect(try bytes(100, 100) == 101)
    #expect(throws: BootError.commandLine(.tooLong(bytes: 102, limit: 100))) {
      try bytes(100, 102)
    }
    #expect(throws: BootError.commandLine(.tooLong(bytes: 2, limit: 0))) { try bytes(0, 2) }
    #expect(try bytes(.max, 65534) == 65535)
    #expect(throws: BootError.commandLine(.tooLong(bytes: 65536, limit: 65535))) {
      try bytes(.max, 65536)
    }
  }

  @Test func `devices are announced as the driver reads them`() throws {
    var line = CommandLine()
    try line.append(devices: (0..<2).compactMap(VirtioMMIODevice.init(index:)))
    #expect(
      line.text
        == "virtio_mmio.device=4K@0xc0001000:5 virtio_mmio.device=4K@0xc0002000:6")
    #expect(line.parts.count == 2)
  }
}
