import Scenario
import Testing

@Suite struct JSONParserTests {
  private func parse(_ text: String) throws(JSONError) -> JSONValue {
    try JSONParser.parse([UInt8](text.utf8)).value
  }

  @Test func `values keep the line and column at which they begin`() throws {
    let value = try parse("{\n  \"a\": [1,\n\t\ttrue],\"ü\":{\"b\" : \"x\"}}")
    #expect(value.position == SourcePosition(line: 1, column: 1))
    #expect(value["a"]?.position == SourcePosition(line: 2, column: 8))
    #expect(value["a"]?[0]?.position == SourcePosition(line: 2, column: 9))
    #expect(value["a"]?[1]?.position == SourcePosition(line: 3, column: 3))
    // A character of two bytes is one column.
    #expect(value["ü"]?.position == SourcePosition(line: 3, column: 13))
    #expect(value["ü"]?["b"]?.position == SourcePosition(line: 3, column: 20))
  }

  @Test(arguments: [
    ("0", JSONValue.Kind.integer(0)), ("-0", .integer(0)), ("-3", .integer(-3)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .unsigned(1 << 63)),
    ("18446744073709551615", .unsigned(.max)),
    ("18446744073709551616", .number(18_446_744_073_709_551_616, literal: "18446744073709551616")),
    ("1.5", .number(1.5, literal: "1.5")), ("2e3", .number(2000, literal: "2e3")),
    ("1E-2", .number(0.01, literal: "1E-2")), ("2.0", .number(2, literal: "2.0")),
    ("true", .flag(true)), ("false", .flag(false)), ("null", .null), ("[]", .list([])),
    ("{}", .object([])), (" \t\r\n7 ", .integer(7)),
    ("\"\"", .text("")), (#""a\"\\\/\b\f\n\r\t""#, .text("a\"\\/\u{8}\u{c}\n\r\t")),
    (#""\u00e9\u4E2d""#, .text("é中")), (#""\ud83d\ude00""#, .text("😀")),
    ("\"é中😀\"", .text("é中😀")), (#""\u0000""#, .text("\0")),
  ])
  func `a value is read exactly`(text: String, kind: JSONValue.Kind) throws {
    #expect(try parse(text).kind == kind)
  }

  @Test(arguments: [
    ("", 1, 1, "expected a JSON object, found an empty file"),
    ("  \n ", 2, 2, "expected a JSON object, found an empty file"),
    ("[1,]", 1, 3, "a comma before \"]\" is no JSON; remove it"),
    ("{\"a\":1,\n}", 1, 7, "a comma before \"}\" is no JSON; remove it"),
    ("[,1]", 1, 2, "expected a value, found \",\""),
    ("[1 2]", 1, 4, "expected \",\" or \"]\" after an element of a list, found \"2\""),
    ("{\"a\" 1}", 1, 6, "expected \":\" after the key \"a\", found \"1\""),
    ("{a:1}", 1, 2, "expected a key in double quotes, found \"a\""),
    (
      "{\"a\":1 \"b\":2}", 1, 8,
      "expected \",\" or \"}\" after a value of an object, found a double quote"
    ),
    ("{}x", 1, 3, "expected the end of the file, found \"x\""),
    ("// hi\n{}", 1, 1, "comments are no JSON; use \"description\" for words to people"),
    ("{} # hi", 1, 4, "comments are no JSON; use \"description\" for words to people"),
    ("[1, /* x */ 2]", 1, 5, "comments are no JSON; use \"description\" for words to people"),
    ("'a'", 1, 1, "a string stands in double quotes, found a single one"),
    ("\"abc", 1, 1, "the string that begins here is never closed"),
    ("\"a\nb\"", 1, 3, "expected the closing quote of a string, found the end of the line"),
    ("\"a\tb\"", 1, 3, "expected the closing quote of a string, found the byte 0x9"),
    (
      #""\x""#, 1, 2,
      "an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, found a backslash and \"x\""
    ),
    (#""\u12g4""#, 1, 2, "\\u is followed by four hexadecimal digits"),
    (#""\ud83d""#, 1, 2, "half of a surrogate pair stands alone"),
    (#""\ud83d\u0041""#, 1, 2, "half of a surrogate pair stands alone"),
    (#""\ude00""#, 1, 2, "half of a surrogate pair stands alone"),
    ("True", 1, 1, "expected a value, found the word True; strings need quotes"),
    ("[nan]", 1, 2, "expected a value, found the word nan; strings need quotes"),
    ("01", 1, 1, "a number has no leading zeros"),
    ("-01", 1, 1, "a number has no leading zeros"),
    ("-", 1, 2, "expected a digit after the minus sign, found the end of the file"),
    ("+1", 1, 1, "a number begins with a digit or a minus sign, found \"+\""),
    (".5", 1, 1, "a number begins with a digit or a minus sign, found \".\""),
    ("1.", 1, 3, "expected a digit after the decimal point, found the end of the file"),
    ("1e", 1, 3, "expected a digit in the exponent, found the end of the file"),
    ("[5s]", 1, 3, "expected the end of a number, found \"s\"; units need quotes: \"5s\""),
    ("0x10", 1, 2, "expected the end of a number, found \"x\"; units need quotes: \"5s\""),
    ("1e999", 1, 1, "the number is out of range"),
    ("\u{feff}{}", 1, 1, "the file begins with a byte order mark; save it as UTF-8 without one"),
    ("[\u{e9}]", 1, 2, "expected a value, found the byte 0xc3"),
  ])
  func `what is no JSON is refused where it stands`(
    text: String, line: Int, column: Int, message: String
  ) {
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.message == message)
    #expect(error?.position == SourcePosition(line: line, column: column))
  }

  @Test(
    arguments: [
      [0x22, 0x80, 0x22],  // a continuation byte alone
      [0x22, 0xc3, 0x22],  // a character cut short
      [0x22, 0xc0, 0xaf, 0x22],  // "/" in two bytes
      [0x22, 0xe0, 0x80, 0xaf, 0x22],  // "/" in three bytes
      [0x22, 0xf0, 0x80, 0x80, 0xaf, 0x22],  // "/" in four bytes
      [0x22, 0xed, 0xa0, 0x80, 0x22],  // a surrogate
      [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],  // beyond U+10FFFF
      [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22],  // no lead byte
      [0x22, 0xff, 0x22],  // no byte of UTF-8
      [0x22, 0xe4, 0xb8],  // the file ends inside a character
    ] as [[UInt8]])
  func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
    let error = #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
    #expect(error?.message == "the bytes here are no UTF-8")
    #expect(error?.position == SourcePosition(line: 1, column: 2))
  }

  @Test func `the error's path leads to the value`() {
    let error = #expect(throws: JSONError.self) {
      try parse(#"{"work": [{}, {"cpu.max": [1, 2,]}]}"#)
    }
    #expect(error?.path.description == #"work[1]["cpu.max"]"#)
  }

  @Test func `a key that occurs twice is told with both places, and the first counts`() throws {
    let text = "{\"a\": 1,\n \"b\": {\"c\": 1, \"\\u0063\": 2},\n \"a\": 2}"
    let result = try JSONParser.parse([UInt8](text.utf8))
    #expect(
      result.duplicates.map(\.message) == [
        "the key \"c\" occurs twice; the first is on line 2",
        "the key \"a\" occurs twice; the first is on line 1",
      ])
    #expect(
      result.duplicates.map(\.position) == [
        SourcePosition(line: 2, column: 16), SourcePosition(line: 3, column: 2),
      ])
    #expect(result.value["a"]?.kind == .integer(1))
  }

  @Test func `nesting is bounded`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try parse(nested(JSONParser.maximumDepth))
    let error = #expect(throws: JSONError.self) { try parse(nested(JSONParser.maximumDepth + 1)) }
    #expect(error?.message == "lists and objects nest deeper than 64")
    _ = #expect(throws: JSONError.self) { try parse(String(repeating: "[{\"\":", count: 100_000)) }
  }

  @Test func `size is bounded`() throws {
    let space = [UInt8](repeating: 0x20, count: JSONParser.maximumSize - 1)
    #expect(try JSONParser.parse(space + [0x31]).value.kind == .integer(1))
    let error = #expect(throws: JSONError.self) { try JSONParser.parse(space + [0x31, 0x31]) }
    #expect(error?.message == "the file has 1048577 bytes; at most 1048576 are read")
  }

  @Test func `mutated text never traps and always gives a value or a place`() {
    let seed: UInt64 = 0x6b74_7374
    var generator = SeededGenerator(seed: seed)
    let samples = [
      ScenarioText.good, #"{"a":["\ud83d\ude00é",-1.5e-7,true,null,{"b":{"c":[[[]]]}}]}"#,
    ].map { [UInt8]($0.utf8) }
    let spice =
      [UInt8]("{}[]\",:\\u0123456789eE+-.dD8 \n/#'tfn".utf8) + [0, 0xc3, 0xed, 0xff, 0x80]
    for round in 0..<20_000 {
      var bytes = samples[round % samples.count]
      for _ in 0...Int.random(in: 0..<6, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] = spice.randomElement(using: &generator) ?? 0
        case 1: bytes.insert(spice.randomElement(using: &generator) ?? 0, at: place)
        case 2: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        default:
          if bytes.count > 1 { bytes.removeSubrange(place..<min(bytes.count - 1, place + 5)) }
        }
        if bytes.isEmpty { bytes = [0x7b] }
      }
      do throws(ScenarioProblems) {
        _ = try ScenarioDocument(file: "m.json", bytes: bytes)
      } catch {
        let lines = bytes.count { $0 == 0x0a } + 1
        let isGood = error.problems.allSatisfy {
          (1...lines).contains($0.position.line) && $0.position.column >= 1
            && $0.position.column <= bytes.count + 1 && !$0.message.isEmpty
        }
        #expect(isGood && !error.problems.isEmpty, "seed \(seed), round \(round)")
      }
    }
  }
}
