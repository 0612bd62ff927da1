import GuestLogic
import Testing

@Suite struct ByteTextTests {
  @Test func `blank lines and spaces around lines are left out`() {
    let bytes = [UInt8]("  /a.ko \n\n\t\n/b.ko\r\n/c.ko".utf8)
    #expect(ByteText.lines(bytes) == ["/a.ko", "/b.ko", "/c.ko"])
  }

  @Test func `a line that is not UTF-8 does not hide the others`() {
    #expect(ByteText.lines([0xff, 0xfe, 0x0a] + [UInt8]("ok\n".utf8)) == ["ok"])
  }

  @Test func `a serial number that is padded with zero bytes is its text`() {
    #expect(ByteText.word([UInt8]("ktstr-scratch".utf8) + [0, 0, 0]) == "ktstr-scratch")
    #expect(ByteText.word([]) == "")
  }

  @Test(
    arguments: [
      ("0-3,5\n", 5), ("0\n", 1), ("0-1023", 1024), ("", 0), ("3-1", 0), (",,", 0),
      ("0-18446744073709551615", 0), ("0-99999999999999999999999", 1),
    ] as [(String, UInt32)])
  func `CPU lists are counted`(list: String, count: UInt32) {
    #expect(ByteText.cpuCount([UInt8](list.utf8)) == count)
  }

  @Test(
    arguments: [
      ("0-3,5\n", [0, 1, 2, 3, 5]), ("7\n", [7]), ("\n", []), ("3-1,4", [4]),
      ("0-18446744073709551615", [0, 1, 2, 3, 4, 5]), ("18446744073709551615", [.max]),
    ] as [(String, [UInt32])])
  func `lists are taken apart as far as they are short`(list: String, members: [UInt32]) {
    #expect(ByteText.members([UInt8](list.utf8), limit: 6) == members)
  }

  @Test(
    arguments: [
      ("3\n", 3), ("0", 0), ("-1\n", -1), ("", -1), ("x", -1), ("4294967296", .max),
    ] as [(String, Int32)])
  func `an identifier is a number, or unknown`(text: String, identifier: Int32) {
    #expect(ByteText.identifier([UInt8](text.utf8)) == identifier)
  }

  @Test func `a node's MemTotal is found behind its number`() {
    let text = "Node 12 MemFree: 7 kB\nNode 12 MemTotal:       4096 kB\nNode 12 MemUsed: 1 kB\n"
    #expect(ByteText.nodeMemory([UInt8](text.utf8)) == 4096 * 1024)
    #expect(ByteText.nodeMemory([UInt8]("MemTotal: 5 kB".utf8)) == 0)
    #expect(ByteText.nodeMemory([UInt8]("Node 0 MemTotal: 18446744073709551615 kB".utf8)) == 0)
  }

  @Test func `MemTotal is found among other lines and taken in bytes`() {
    let text = "MemFree:  7 kB\nMemTotal:         481052 kB\nMemAvailable: 1 kB\n"
    #expect(ByteText.totalMemory([UInt8](text.utf8)) == 481_052 * 1024)
    #expect(ByteText.totalMemory([UInt8]("MemFree: 7 kB".utf8)) == 0)
    #expect(ByteText.totalMemory([UInt8]("MemTotal: 18446744073709551615 kB".utf8)) == 0)
  }

  @Test func `run delay is the second number of schedstat`() {
    #expect(ByteText.runDelay([UInt8]("905123456 2109743001 221\n".utf8)) == 2_109_743_001)
    #expect(ByteText.runDelay([]) == 0)
  }

  @Test func `a number too large for 64 bits is left out and the next one is right`() {
    let bytes = [UInt8]("18446744073709551616 7 18446744073709551615".utf8)
    #expect(ByteText.numbers(bytes) == [7, .max])
  }

  @Test func `pieces keep empty ends`() {
    #expect("/a//b".pieces(between: "/") == ["", "a", "", "b"])
    #expect("x.ko.xz".ends(with: ".ko") == false)
    #expect("x.ko".ends(with: ".ko"))
    #expect("ko".ends(with: ".ko") == false)
    // Both spell é, but not with the same bytes.
    #expect("\u{e9}".isSame(as: "e\u{301}") == false)
  }

  @Test func `numbers are found by the name at the start of their line`() {
    let text = Array("cpu  1 2\nctxt 3456\nprocesses 78\nPss:       1234 kB\n".utf8)
    #expect(ByteText.value(of: "ctxt", in: text) == 3456)
    #expect(ByteText.value(of: "processes", in: text) == 78)
    #expect(ByteText.value(of: "Pss:", in: text) == 1234)
    #expect(ByteText.value(of: "ctx", in: text) == 0)
    #expect(ByteText.value(of: "ctxt", in: []) == 0)
  }

  @Test func `time that tasks ran is summed over the CPUs of schedstat`() {
    let text = """
      version 17
      timestamp 4294893310
      cpu0 0 0 0 0 0 0 1000 200 30
      domain0 MC 3 1 2 3 4 5 6 7 8 9
      cpu1 0 0 0 0 0 0 500 60 7
      """
    #expect(ByteText.schedulerRunTime(Array(text.utf8)) == 1500)
    #expect(ByteText.schedulerRunTime(Array("cpu0 1 2".utf8)) == 0)
  }
}
