/// A JSON Schema (draft 2020-12), as far as the scenario language needs it.
///
/// Made of keywords in the order in which they are printed. Each section of the language has a file
/// of its own here, which names the same keys as the section's decoder; a test compares the two.
package struct Schema: Equatable, Sendable {
  private(set) var keywords: [SchemaValue.Member]

  init(_ keywords: KeyValuePairs<String, SchemaValue>) {
    self.keywords = keywords.map { SchemaValue.Member(key: $0.key, value: $0.value) }
  }

  /// The schema as a JSON value.
  package var value: SchemaValue { .object(keywords) }

  /// The schema with one more keyword.
  func with(_ keyword: String, _ value: SchemaValue) -> Schema {
    var schema = self
    schema.keywords.append(SchemaValue.Member(key: keyword, value: value))
    return schema
  }
}

/// A key of an object: its name, what an editor shows for it, and what may stand there.
struct SchemaKey: Sendable {
  let name: String
  let help: String
  let schema: Schema
  var isRequired = false
  var standard: SchemaValue?

  init(
    _ name: String, _ help: String, _ schema: Schema, required: Bool = false,
    default standard: SchemaValue? = nil
  ) {
    self.name = name
    self.help = help
    self.schema = schema
    self.isRequired = required
    self.standard = standard
  }

  /// What stands in `properties`: the help comes first, then what may stand there.
  fileprivate var member: SchemaValue.Member {
    var keywords = [
      SchemaValue.Member(key: "title", value: .text(name)),
      SchemaValue.Member(key: "description", value: .text(help)),
    ]
    // A value with a description of its own keeps it out of sight.
    keywords += schema.keywords.filter { $0.key != "description" && $0.key != "title" }
    if let standard { keywords.append(SchemaValue.Member(key: "default", value: standard)) }
    return SchemaValue.Member(key: name, value: .object(keywords))
  }
}

// MARK: - Shapes

extension Schema {
  /// An object of these keys and no others.
  ///
  /// - Parameter rules: what holds besides, such as keys that exclude one another.
  static func object(_ keys: [SchemaKey], rules: [Schema] = []) -> Schema {
    shape(keys, rules: rules, closedBy: "additionalProperties")
  }

  /// An object of these keys and those that one of its rules adds.
  static func extensible(_ keys: [SchemaKey], rules: [Schema]) -> Schema {
    shape(keys, rules: rules, closedBy: "unevaluatedProperties")
  }

  private static func shape(
    _ keys: [SchemaKey], rules: [Schema], closedBy keyword: String
  ) -> Schema {
    var schema = Schema(["type": "object"]).with("properties", properties(keys))
    let required = keys.filter(\.isRequired).map { SchemaValue.text($0.name) }
    if !required.isEmpty { schema = schema.with("required", .list(required)) }
    if !rules.isEmpty { schema = schema.with("allOf", .list(rules.map(\.value))) }
    return schema.with(keyword, false)
  }

  /// An object of any keys of that form, all with values of one kind.
  static func map(_ keyPattern: String, to value: Schema) -> Schema {
    Schema([
      "type": "object", "propertyNames": Schema(["pattern": .text("^\(keyPattern)$")]).value,
      "additionalProperties": value.value,
    ])
  }

  static func properties(_ keys: [SchemaKey]) -> SchemaValue {
    .object(keys.map(\.member))
  }

  /// A list; the least number of elements is not told where it is 0.
  static func list(of element: Schema, from least: Int = 0, upTo most: Int) -> Schema {
    var schema = Schema(["type": "array", "items": element.value])
    if least > 0 { schema = schema.with("minItems", .whole(Int64(least))) }
    return schema.with("maxItems", .whole(Int64(most)))
  }

  /// Any string.
  static let anyText = Schema(["type": "string"])

  /// Any string but the empty one.
  static let filledText = Schema(["type": "string", "minLength": 1])

  /// A string that a pattern describes from its first to its last character.
  static func text(_ pattern: String) -> Schema {
    Schema(["type": "string", "pattern": .text("^\(pattern)$")])
  }

  /// One of some words.
  static func words(_ words: [String]) -> Schema {
    Schema(["enum": .list(words.map { .text($0) })])
  }

  /// One of some words, each with what it means.
  static func words(_ words: [(String, String)]) -> Schema {
    Schema([
      "oneOf": .list(
        words.map { word, help in
          .object([
            .init(key: "const", value: .text(word)),
            .init(key: "description", value: .text(help)),
          ])
        })
    ])
  }

  /// A whole number.
  static func whole(_ range: ClosedRange<UInt64>) -> Schema {
    Schema([
      "type": "integer", "minimum": .unsigned(range.lowerBound),
      "maximum": .unsigned(range.upperBound),
    ])
  }

  /// A whole number in a range that begins below 0.
  static func signed(_ range: ClosedRange<Int64>) -> Schema {
    Schema([
      "type": "integer", "minimum": .whole(range.lowerBound), "maximum": .whole(range.upperBound),
    ])
  }

  /// A number above 0.
  static func positive(upTo most: UInt64) -> Schema {
    Schema(["type": "number", "exclusiveMinimum": 0, "maximum": .unsigned(most)])
  }

  static let flag = Schema(["type": "boolean"])

  /// A number of 0 or more.
  static func number(upTo most: UInt64) -> Schema {
    Schema(["type": "number", "minimum": 0, "maximum": .unsigned(most)])
  }

  /// What one of these describes.
  static func either(_ choices: Schema...) -> Schema {
    Schema(["anyOf": .list(choices.map(\.value))])
  }

  /// What stands under a name in `$defs`.
  static func shared(_ name: String) -> Schema {
    Schema(["$ref": .text("#/$defs/\(name)")])
  }
}

// MARK: - Rules

extension Schema {
  /// These keys are there.
  static func requires(_ keys: String...) -> Schema {
    Schema(["required": .list(keys.map { .text($0) })])
  }

  /// None of these keys is there.
  static func forbids(_ keys: String...) -> Schema {
    Schema(["not": Schema(["anyOf": .list(keys.map { requires($0).value })]).value])
  }

  /// Exactly one of these keys is there.
  static func exactlyOne(_ keys: String...) -> Schema {
    Schema(["oneOf": .list(keys.map { requires($0).value })])
  }

  /// One of these keys is there, or more.
  static func atLeastOne(_ keys: String...) -> Schema {
    Schema(["anyOf": .list(keys.map { requires($0).value })])
  }

  /// A key is there and has one of these values.
  static func says(_ key: String, _ words: [String]) -> Schema {
    let value: SchemaValue =
      words.count == 1
      ? .object([.init(key: "const", value: .text(words[0]))])
      : Schema.words(words).value
    return Schema(["properties": .object([.init(key: key, value: value)])])
      .with("required", .list([.text(key)]))
  }

  /// What holds where something else does.
  static func when(_ condition: Schema, then: Schema, otherwise: Schema? = nil) -> Schema {
    let rule = Schema(["if": condition.value, "then": then.value])
    return otherwise.map { rule.with("else", $0.value) } ?? rule
  }

  /// All of these hold.
  static func all(_ rules: Schema...) -> Schema {
    Schema(["allOf": .list(rules.map(\.value))])
  }
}

extension SchemaValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral
{
  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral number: Int64) { self = .whole(number) }
  package init(booleanLiteral flag: Bool) { self = .flag(flag) }
}
