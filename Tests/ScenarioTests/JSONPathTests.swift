import Scenario
import Testing

@Suite struct JSONPathTests {
  @Test(arguments: [
    "", "work", "work[1].workers", "machine.disk.faults[0].delay", #"cgroups[0]["cpu.max"]"#,
    #"["a\"b\\c"][12]"#, "$schema", #"a[""]"#,
  ])
  func `a path reads back what it writes`(text: String) {
    #expect(JSONPath(text)?.description == text)
  }

  @Test(arguments: [".", "a.", "a..b", "a[", "a[x]", "a[-1]", "a[1", "a[1]b", #"a["x"#, #"a["x""#])
  func `a text that is no path is none`(text: String) {
    #expect(JSONPath(text) == nil)
  }
}
