/// The scenario language as a JSON Schema (draft 2020-12), as `ktstr schema` prints it.
package enum ScenarioSchema {
  /// What the schema is called; it stands nowhere on the net.
  package static let identifier = "urn:ktstr:scenario:\(Scenario.version)"
  /// The dialect, as its specification names it.
  package static let dialect = "https://json-schema.org/draft/2020-12/schema"

  /// The schema as JSON; the same text each time.
  package static var text: String { whole.value.rendered() + "\n" }

  private static let whole: Schema = {
    let body = Schema.object(keys, rules: [.atLeastOne("duration", "phases")])
    var schema = Schema([
      "$schema": .text(dialect), "$id": .text(identifier), "title": "ktstr scenario",
      "description": .text(
        "Which guest to boot, what work to run in it, for how long, and what the run must show to "
          + "pass. docs/scenarios.md has the whole language."),
    ])
    for keyword in body.keywords { schema = schema.with(keyword.key, keyword.value) }
    let definitions = Schema.definitions.map { name, schema in
      SchemaValue.Member(key: name, value: schema.value)
    }
    return schema.with("$defs", .object(definitions))
  }()

  /// The keys of the file itself; those of a section stand in the section's file.
  private static let keys =
    [
      SchemaKey(
        "ktstr", "Version of the scenario language.",
        Schema(["const": .unsigned(Scenario.version)]), required: true),
      SchemaKey(
        "$schema", "For editors: where this schema is. Not looked at otherwise.", .anyText),
      SchemaKey("name", "Names the runs.", .name, required: true),
      SchemaKey("description", "What the scenario is for; for people.", .anyText),
      SchemaKey("machine", "The guest.", .machine, required: true),
      SchemaKey(
        "cgroups",
        "Cgroups (v2) of the guest. Where this is given, work may name no others.",
        .list(of: .cgroup, upTo: ScenarioDecoder.maximumGroups)),
      SchemaKey(
        "work", "Groups of like workers; all begin at the same moment.",
        .list(of: .work, from: 1, upTo: ScenarioDecoder.maximumGroups), required: true),
      SchemaKey(
        "duration",
        "How long the work runs; below the timeout. With phases it is their sum, and may be left out.",
        .time),
      Schema.phasesKey,
      SchemaKey(
        "timeout",
        "How long the whole run may take on the host's clock, boot included; --timeout wins.",
        .time, default: .text(UnitFamily.time.render(Scenario.defaultTimeoutNanoseconds))),
      SchemaKey(
        "seed", "Of every pseudo-random choice; the harness chooses one where it is left out.",
        .whole(0...UInt64.max)),
      SchemaKey(
        "expect", "What the run must show to pass, beside the checks that always hold.", .expect),
    ] + Schema.companionKeys + Schema.outcomeKeys
}
