/// What many sections have in common; printed once, under `$defs`.
extension Schema {
  /// A quantity such as `5s`; how large it may be, only the decoder knows.
  private static func quantity(_ family: UnitFamily) -> String {
    "[0-9]+(\\.[0-9]+)?(\(family.units.map(\.symbol).joined(separator: "|")))"
  }

  static let timePattern = quantity(.time)

  static let time = shared("time")
  static let size = shared("size")
  static let share = shared("share")
  static let name = shared("name")
  static let cgroupName = shared("cgroupName")

  static let definitions: [(String, Schema)] = [
    ("part", partOfSet), ("phase", phase),
    (
      "time",
      text(timePattern).with("description", "A time with its unit: ns, us, ms, s or m (minutes).")
        .with("examples", .list(["5s", "250ms", "1.5s"]))
    ),
    (
      "size",
      text(quantity(.size)).with("description", "A size with its unit: B, KB, KiB, MB, MiB or GiB.")
        .with("examples", .list(["64MiB", "4KiB"]))
    ),
    (
      "share",
      either(
        Schema(["type": "number", "minimum": 0, "maximum": 1]),
        text("0*([0-9]{1,2}(\\.[0-9]+)?|100(\\.0+)?)%")
      ).with("description", "A share: a number from 0 to 1, or a percentage such as \"30%\".")
    ),
    (
      "name",
      text("[A-Za-z0-9._-]{1,64}")
        .with("description", "1 to 64 letters, digits, dots, underscores and hyphens.")
    ),
    (
      "cgroupName",
      text("[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}").with(
        "description",
        "Up to 8 levels of 1 to 64 letters, digits, underscores and hyphens: \"a\", \"a/b\".")
    ),
  ]
}
