import Foundation
import Scenario
import Testing

/// The schema and the decoder are two descriptions of one language.
@Suite struct ScenarioSchemaTests {
  private static let schema = try? JSONValue(ScenarioSchema.text)

  private func validator() throws -> SchemaValidator {
    SchemaValidator(try #require(Self.schema))
  }

  // MARK: - The schema itself

  @Test func `the schema is the same text each time and names itself without a host`() throws {
    #expect(ScenarioSchema.text == ScenarioSchema.text)
    #expect(ScenarioSchema.text.hasSuffix("}\n"))
    let schema = try #require(Self.schema)
    #expect(schema["$id"]?.kind == .text("urn:ktstr:scenario:1"))
    #expect(schema["$schema"]?.kind == .text("https://json-schema.org/draft/2020-12/schema"))
  }

  @Test func `every key has help`() throws {
    let schema = try #require(Self.schema)
    let places = Self.properties(of: schema)
    #expect(places.count > 100)
    for (place, key) in places {
      guard case .text(let help)? = key["description"]?.kind else {
        Issue.record("\(place) has no description")
        continue
      }
      // The help of a parameter that nothing is said of begins with a space, or is empty.
      #expect(help.first?.isLetter == true || help.first?.isNumber == true, "\(place): \(help)")
      #expect(help.hasSuffix("."), "\(place): \(help)")
    }
  }

  @Test func `defaults and examples are what the schema allows`() throws {
    let validator = try validator()
    let schema = try #require(Self.schema)
    for path in schema.paths {
      let value = schema.nearest(to: path)
      var examples: [JSONValue] = []
      if case .list(let list)? = value["examples"]?.kind { examples += list }
      if let standard = value["default"], value["type"] != nil || value["$ref"] != nil {
        examples.append(standard)
      }
      for example in examples {
        let inner = SchemaValidator(schema)
        #expect(inner.errors(example, by: value) == [], "\(path)")
      }
    }
    #expect(validator.unknownKeywords.isEmpty)
  }

  // MARK: - Equality of keys

  @Test(arguments: SchemaSamples.all)
  func `a sample is accepted by schema and decoder`(sample: SchemaSample) throws {
    let text = sample.text
    let validator = try validator()
    #expect(validator.errors(try JSONValue(text)) == [])
    #expect(validator.unknownKeywords.isEmpty)
    #expect(refusals(text) == [])
  }

  @Test func `every key of the schema is in a sample`() throws {
    let validator = try validator()
    var used: Set<String> = []
    validator.visit = { _, found in
      for key in found.evaluated { used.formUnion(found.places[key] ?? []) }
    }
    for sample in SchemaSamples.all { _ = validator.errors(try JSONValue(sample.text)) }
    let all = Set(Self.properties(of: try #require(Self.schema)).map(\.0))
    #expect(
      all.subtracting(used).sorted() == [],
      "keys of the schema that no sample has; SchemaSamples is where the decoder proves to know them"
    )
  }

  @Test func `in each object the schema has the decoder's keys and no others`() throws {
    var seen: Set<String> = []
    // Many samples show the same difference.
    var differences: Set<String> = []
    for sample in SchemaSamples.all {
      let document = try JSONValue(sample.text)
      let validator = try validator()
      var objects: [JSONPath: Set<String>] = [:]
      var maps: Set<JSONPath> = []
      validator.visit = { path, found in
        objects[path, default: []].formUnion(found.known)
        if found.isMap { maps.insert(path) }
      }
      #expect(validator.errors(document) == [])
      for path in document.paths {
        guard case .object = document.nearest(to: path).kind, !maps.contains(path) else {
          continue
        }
        let known = try #require(objects[path], "the schema does not look into \(path)")
        let decoder = try Self.decoderKeys(at: path, of: document)
          .subtracting(SchemaSamples.refusedKeys(of: document.nearest(to: path)))
        for key in known.subtracting(decoder) {
          differences.insert("\(path): the schema has \(key), the decoder has not")
        }
        for key in decoder.subtracting(known) {
          differences.insert("\(path): the decoder has \(key), the schema has not")
        }
        seen.formUnion(decoder)
      }
    }
    #expect(differences.sorted() == [])
    #expect(seen.count > 60)
  }

  /// The keys that the decoder knows in an object: it lists them when it meets one that is like
  /// none of them.
  private static func decoderKeys(
    at path: JSONPath, of document: JSONValue
  ) throws -> Set<String> {
    let stranger = "zzzzzzzzzzzzzzzzzzzzzzzz"
    let changed = try #require(
      document.changing(path) { $0.adding(stranger, JSONValue(.null)) })
    let mark = "unknown key \"\(stranger)\"; known: "
    let line = try #require(
      refusals(changed.text).first { $0.contains(mark) },
      "the decoder says nothing of an unknown key at \(path)")
    let list = line[try #require(line.firstRange(of: mark)).upperBound...]
    return Set(list.split(separator: ", ").map { String($0.dropFirst().dropLast()) })
  }

  /// The places of all properties outside of conditions, and their schemas.
  private static func properties(
    of schema: JSONValue, at place: String = "#"
  ) -> [(String, JSONValue)] {
    guard case .object(let keywords) = schema.kind else { return [] }
    return keywords.flatMap { keyword -> [(String, JSONValue)] in
      let here = "\(place)/\(keyword.key)"
      switch (keyword.key, keyword.value.kind) {
      case ("properties", .object(let members)):
        return members.flatMap { member in
          [("\(here)/\(member.key)", member.value)]
            + properties(of: member.value, at: "\(here)/\(member.key)")
        }.filter { $0.1["title"] != nil }
      case ("$defs", .object(let members)):
        return members.flatMap { properties(of: $0.value, at: "\(here)/\($0.key)") }
      case ("items", _), ("then", _), ("else", _):
        return properties(of: keyword.value, at: here)
      case ("allOf", .list(let list)), ("anyOf", .list(let list)), ("oneOf", .list(let list)):
        return list.enumerated().flatMap { properties(of: $1, at: "\(here)/\($0)") }
      default: return []
      }
    }
  }

  // MARK: - Equality of values

  @Test(arguments: DecoderRule.all)
  func `a rule of the decoder alone is one`(rule: DecoderRule) throws {
    let text = ScenarioText.good(rule.old, rule.new)
    let lines = refusals(text)
    #expect(lines.contains { rule.explains($0) }, "\(lines)")
    #expect(try validator().errors(try JSONValue(text)) == [])
  }

  @Test func `schema and decoder agree on the bounds of every whole number`() throws {
    var bounds = 0
    for sample in SchemaSamples.all {
      let document = try JSONValue(sample.text)
      let validator = try validator()
      var places: [JSONPath: Set<String>] = [:]
      validator.visit = { path, found in
        for key in found.evaluated {
          places[path.appending(key), default: []].formUnion(found.places[key] ?? [])
        }
      }
      #expect(validator.errors(document) == [])
      validator.visit = { _, _ in }
      for (path, places) in places {
        guard case .integer = document.nearest(to: path).kind else { continue }
        for value in places.flatMap({ Self.bounds(at: $0, validator.root) }) {
          guard let changed = document.changing(path, { _ in value }) else { continue }
          bounds += 1
          let isGood = validator.errors(changed).isEmpty
          let lines = refusals(changed.text)
          let isExplained = lines.contains { line in
            DecoderRule.all.contains { $0.explains(line) }
          }
          #expect(
            isGood == lines.isEmpty || isGood && isExplained, "\(path): \(value.text) \(lines)")
        }
      }
    }
    #expect(bounds > 60)
  }

  /// Numbers at and beyond the bounds that the schema sets at a place.
  private static func bounds(at place: String, _ root: JSONValue) -> [JSONValue] {
    var schema: JSONValue? = root
    for step in place.split(separator: "/").dropFirst() {
      schema = Int(step).flatMap { schema?[$0] } ?? schema?[String(step)]
    }
    guard let schema else { return [] }
    return schema.paths.flatMap { path -> [JSONValue] in
      guard case .integer(let bound) = schema.nearest(to: path).kind, bound > .min, bound < .max
      else { return [] }
      switch path.steps.last {
      case .key("minimum"), .key("maximum"):
        return [bound - 1, bound, bound + 1].map { JSONValue(.integer($0)) }
      default: return []
      }
    }
  }

  @Test func `schema and decoder agree on random changes`() throws {
    let seed: UInt64 = 0x5c4e_3a01
    var random = SeededGenerator(seed: seed)
    let validator = try validator()
    let samples = try SchemaSamples.all.map { try JSONValue($0.text) }
    let strangers = try Self.strangers(samples)
    var (accepted, refused, left) = (0, 0, 0)
    for round in 0..<600 {
      // The whole sample has most of the keys.
      let sample =
        round % 2 == 0 ? samples[0] : samples[Int.random(in: samples.indices, using: &random)]
      let changed = Self.change(sample, strangers, &random)
      let text = changed.text
      let errors = validator.errors(changed)
      let lines = refusals(text)
      switch (errors.isEmpty, lines.isEmpty) {
      case (true, true): accepted += 1
      case (false, false): refused += 1
      case (false, true):
        Issue.record("round \(round), seed \(seed): only the schema refuses: \(errors)\n\(text)")
      case (true, false):
        left += 1
        let unexplained = lines.filter { line in !DecoderRule.all.contains { $0.explains(line) } }
        if unexplained.count == lines.count {
          Issue.record("round \(round), seed \(seed): only the decoder refuses: \(lines)\n\(text)")
        }
      }
    }
    // All three happen, so that the comparison is one.
    #expect(accepted > 30 && refused > 150 && left > 15, "\(accepted) \(refused) \(left)")
  }

  /// Keys and values of all samples, and some of no sample.
  private static func strangers(
    _ samples: [JSONValue]
  ) throws -> (keys: [String], values: [JSONValue]) {
    var keys: Set<String> = ["x", "Name", ""]
    var values: [String: JSONValue] = [:]
    for sample in samples {
      for path in sample.paths {
        if case .key(let key)? = path.steps.last { keys.insert(key) }
        let value = sample.nearest(to: path)
        values[value.text] = value
      }
    }
    let others = """
      [null, true, 0, 1, -1, 2, 0.5, 1.5, 100, 1e3, 99999999999, "", "a", "max", "5s", "0s", "-1s",
       "1.5s", "5 s", "5", ".5s", "5.s", "1e3s", "64MiB", "4KiB", "1GB", "50%", "0%", "101%",
       "1001%", "-3%", "1e1%", "0x1p1%", "10.%", "llc", "llc:0", "llc:", "numa:9", "0", "0-1", "1,",
       "1-2-3", "random:0", "a/b", "/a", "a//b", "1n1l1c1t", "0n1l1c1t", "1n1l1c", "10ms/50ms",
       "10ms", "10ms/", "fifo", "rr", "deadline", "read", "flush", "any", "delay", "spin", "bursty",
       "ä", "5s\\n", [], {}, [[]], [{}], [10], { "work": "one" }, "1e400"]
      """
    for value in samplesOf(try JSONValue(others)) { values[value.text] = value }
    return (keys.sorted(), values.keys.sorted().compactMap { values[$0] })
  }

  private static func samplesOf(_ list: JSONValue) -> [JSONValue] {
    guard case .list(let elements) = list.kind else { return [] }
    return elements
  }

  /// The value with one to three things changed at random.
  private static func change(
    _ document: JSONValue, _ strangers: (keys: [String], values: [JSONValue]),
    _ random: inout SeededGenerator
  ) -> JSONValue {
    var document = document
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let paths = document.paths.dropFirst()
      guard let path = paths.randomElement(using: &random),
        let value = strangers.values.randomElement(using: &random),
        let key = strangers.keys.randomElement(using: &random)
      else { return document }
      let choice = Int.random(in: 0..<10, using: &random)
      let changed = document.changing(path) { old in
        switch (choice, old.kind) {
        case (0..<2, _): return nil
        case (2..<6, .object): return old[key] == nil ? old.adding(key, value) : old
        case (2..<6, .list(let elements)): return JSONValue(.list(elements + elements.prefix(1)))
        default: return value
        }
      }
      document = changed ?? document
    }
    return document
  }
}

extension SchemaValidator {
  /// What is wrong with a value by a part of the schema.
  func errors(_ value: JSONValue, by part: JSONValue) -> [String] {
    check(value, part, at: "#", JSONPath()).errors
  }
}
