import Scenario

/// Validates JSON by a schema, as far as the keywords go that our schema uses (JSON Schema, draft
/// 2020-12); any other keyword is a failure of the test, not silence.
final class SchemaValidator {
  /// What a schema makes of a value.
  struct Finding {
    /// What does not hold.
    var errors: [String] = []
    /// Keys of the value that some schema which applies to it names.
    var evaluated: Set<String> = []
    /// Keys that could stand in the value.
    var known: Set<String> = []
    /// Whether any key may stand there.
    var isMap = false
    /// Where in the schema the keys stand, by key.
    var places: [String: Set<String>] = [:]

    mutating func merge(_ other: Finding) {
      errors += other.errors
      mergeKeys(of: other)
    }

    mutating func mergeKeys(of other: Finding) {
      evaluated.formUnion(other.evaluated)
      known.formUnion(other.known)
      isMap = isMap || other.isMap
      places.merge(other.places) { $0.union($1) }
    }
  }

  let root: JSONValue
  /// Called for each object of a valid value, with the keys that may stand there.
  var visit: (JSONPath, Finding) -> Void = { _, _ in }
  private(set) var unknownKeywords: Set<String> = []
  private var patterns: [String: Regex<AnyRegexOutput>] = [:]

  init(_ schema: JSONValue) {
    root = schema
  }

  /// What is wrong with a value, the schema's place in front.
  func errors(_ value: JSONValue) -> [String] {
    check(value, root, at: "#", JSONPath()).errors
  }

  private static let annotations: Set<String> = [
    "$schema", "$id", "$defs", "title", "description", "default", "examples",
  ]

  func check(
    _ value: JSONValue, _ schema: JSONValue, at place: String, _ path: JSONPath
  ) -> Finding {
    guard case .object(let keywords) = schema.kind else {
      return Finding(errors: ["\(place): no schema"])
    }
    var found = Finding()
    for keyword in keywords where !Self.annotations.contains(keyword.key) {
      apply(keyword.key, keyword.value, schema, value, place, path, &found)
    }
    // Looks at what all others have evaluated.
    if schema["unevaluatedProperties"] != nil {
      for key in Self.keys(value) where !found.evaluated.contains(key) {
        found.errors.append("\(place): unevaluated key \(key)")
      }
    }
    let isClosed = schema["additionalProperties"] ?? schema["unevaluatedProperties"]
    if isClosed != nil, case .object = value.kind { visit(path, found) }
    return found
  }

  /// A check that may fail; only one that does not has anything visited.
  private func attempt(
    _ value: JSONValue, _ schema: JSONValue, at place: String, _ path: JSONPath
  ) -> Finding {
    let outer = visit
    var visits: [(JSONPath, Finding)] = []
    visit = { visits.append(($0, $1)) }
    let found = check(value, schema, at: place, path)
    visit = outer
    if found.errors.isEmpty { for (path, found) in visits { outer(path, found) } }
    return found
  }

  private func apply(
    _ keyword: String, _ argument: JSONValue, _ schema: JSONValue, _ value: JSONValue,
    _ place: String, _ path: JSONPath, _ found: inout Finding
  ) {
    func expect(_ holds: Bool) {
      if !holds { found.errors.append("\(place)/\(keyword): \(value.summary) at \(path)") }
    }
    let here = "\(place)/\(keyword)"
    switch keyword {
    case "type": expect(Self.has(type: argument, value))
    case "const": expect(Self.equal(argument, value))
    case "enum": expect(Self.elements(argument).contains { Self.equal($0, value) })
    case "pattern":
      if case .text(let text) = value.kind, case .text(let pattern) = argument.kind {
        expect(matches(text, pattern))
      }
    case "minimum": if let (a, b) = Self.numbers(value, argument) { expect(a >= b) }
    case "maximum": if let (a, b) = Self.numbers(value, argument) { expect(a <= b) }
    case "exclusiveMinimum": if let (a, b) = Self.numbers(value, argument) { expect(a > b) }
    case "minItems": if let (a, b) = Self.count(value, argument) { expect(a >= b) }
    case "maxItems": if let (a, b) = Self.count(value, argument) { expect(a <= b) }
    case "items":
      for (index, element) in Self.elements(value).enumerated() {
        found.errors += check(element, argument, at: here, path.appending(index)).errors
      }
    case "properties":
      guard case .object(let members) = argument.kind else { return expect(false) }
      for member in members {
        found.known.insert(member.key)
        found.places[member.key, default: []].insert("\(here)/\(member.key)")
        guard let inner = value[member.key] else { continue }
        found.evaluated.insert(member.key)
        found.errors +=
          check(inner, member.value, at: "\(here)/\(member.key)", path.appending(member.key)).errors
      }
    case "required":
      guard case .object = value.kind else { return }
      for case .text(let key) in Self.elements(argument).map(\.kind) {
        expect(value[key] != nil)
      }
    case "additionalProperties":
      let named = Set(Self.keys(schema["properties"] ?? JSONValue(.null)))
      for key in Self.keys(value) where !named.contains(key) {
        if argument.kind == .flag(false) {
          found.errors.append("\(here): unknown key \(key)")
        } else if let inner = value[key] {
          found.evaluated.insert(key)
          found.errors += check(inner, argument, at: here, path.appending(key)).errors
        }
      }
      found.isMap = argument.kind != .flag(false)
    case "propertyNames":
      for key in Self.keys(value) {
        found.errors += check(JSONValue(.text(key)), argument, at: here, path).errors
      }
    case "minLength":
      if case .text(let text) = value.kind, let least = Self.number(argument) {
        expect(Double(text.unicodeScalars.count) >= least)
      }
    case "unevaluatedProperties": expect(argument.kind == .flag(false))
    case "allOf":
      for (index, rule) in Self.elements(argument).enumerated() {
        found.merge(check(value, rule, at: "\(here)/\(index)", path))
      }
    case "anyOf", "oneOf":
      let results = Self.elements(argument).enumerated().map {
        attempt(value, $1, at: "\(here)/\($0)", path)
      }
      let good = results.filter(\.errors.isEmpty)
      for result in good { found.mergeKeys(of: result) }
      let holds = keyword == "anyOf" ? !good.isEmpty : good.count == 1
      if !holds {
        found.errors.append("\(here): \(good.count) of \(results.count) hold at \(path)")
        // The one that was nearest is what a reader wants to see.
        found.errors += results.min { $0.errors.count < $1.errors.count }?.errors ?? []
      }
    case "not": expect(!attempt(value, argument, at: here, path).errors.isEmpty)
    case "if":
      let condition = attempt(value, argument, at: here, path)
      let branch = condition.errors.isEmpty ? "then" : "else"
      if condition.errors.isEmpty { found.mergeKeys(of: condition) }
      if let rule = schema[branch] {
        found.merge(check(value, rule, at: "\(place)/\(branch)", path))
      }
    case "then", "else": break
    case "$ref":
      guard case .text(let target) = argument.kind, target.hasPrefix("#/$defs/"),
        let schema = root["$defs"]?[String(target.dropFirst(8))]
      else { return expect(false) }
      found.merge(check(value, schema, at: target, path))
    default: unknownKeywords.insert(keyword)
    }
  }

  private func matches(_ text: String, _ pattern: String) -> Bool {
    if patterns[pattern] == nil { patterns[pattern] = try? Regex(pattern) }
    guard let regex = patterns[pattern] else { return false }
    return (try? regex.wholeMatch(in: text)) != nil
  }

  // MARK: - Values

  private static func keys(_ value: JSONValue) -> [String] {
    guard case .object(let members) = value.kind else { return [] }
    return members.map(\.key)
  }

  private static func elements(_ value: JSONValue) -> [JSONValue] {
    guard case .list(let elements) = value.kind else { return [] }
    return elements
  }

  private static func count(_ value: JSONValue, _ limit: JSONValue) -> (Double, Double)? {
    guard case .list(let elements) = value.kind, let limit = number(limit) else { return nil }
    return (Double(elements.count), limit)
  }

  private static func numbers(_ value: JSONValue, _ limit: JSONValue) -> (Double, Double)? {
    guard let value = number(value), let limit = number(limit) else { return nil }
    return (value, limit)
  }

  static func number(_ value: JSONValue) -> Double? {
    switch value.kind {
    case .integer(let number): Double(number)
    case .unsigned(let number): Double(number)
    case .number(let number, _): number
    default: nil
    }
  }

  private static func equal(_ left: JSONValue, _ right: JSONValue) -> Bool {
    if let left = number(left), let right = number(right) { return left == right }
    return left.kind == right.kind
  }

  private static func has(type: JSONValue, _ value: JSONValue) -> Bool {
    guard case .text(let name) = type.kind else { return false }
    switch (name, value.kind) {
    case ("object", .object), ("array", .list), ("string", .text), ("boolean", .flag): return true
    case ("number", _): return number(value) != nil
    // 1.0 is a whole number to JSON Schema.
    case ("integer", _): return number(value).map { $0 == $0.rounded() } ?? false
    default: return false
    }
  }
}
