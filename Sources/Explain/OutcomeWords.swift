import Scenario

extension Page {
  /// The failure without which a run does not pass.
  mutating func expectedFailure(_ scenario: Scenario) {
    guard let expected = scenario.expectFailure else { return }
    heading("Expected failure")
    paragraph(
      "\(expected.check) must fail with the text \"\(expected.matching)\". The run passes then; it "
        + "fails without that failure, and with any other beside it.")
  }

  /// What must be met for a run to be made at all.
  mutating func requirements(_ scenario: Scenario) {
    let requires = scenario.allRequirements
    guard requires != Requirements() else { return }
    heading("Requires")
    var rows: [(label: String, text: String)] = []
    if !requires.kernel.isEmpty {
      rows.append(("kernel", requires.kernel.map(\.description).joined(separator: " ")))
    }
    for feature in requires.features {
      let isImplied = !scenario.requires.features.contains(feature)
      let schedulers = scenario.allSchedulers.map(\.name).joined(separator: ", ")
      let why = isImplied ? ", for \(schedulers)" : ""
      let what =
        feature == Requirements.schedExt
        ? "in the kernel (\(Requirements.schedExtOption))" : "y or m in the kernel's configuration"
      rows.append((feature, what + why))
    }
    if requires.numa { rows.append((Requirements.numaOption, "in the kernel's configuration")) }
    if let cpus = requires.cpus {
      rows.append(("host", "\(Phrase.count(cpus, "CPU")) or more that ktstr may use"))
    }
    if let engine = requires.engine { rows.append(("engine", engine.rawValue)) }
    table(rows, upTo: 32)
    paragraph("What is not met, or cannot be known, makes the run skipped: that is no success.")
  }
}
