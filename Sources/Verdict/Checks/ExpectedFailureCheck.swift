import Evidence
import Scenario

extension Ledger {
  /// Marks the failure that the scenario expects, and adds a check that says if there was one.
  func expect(_ expected: ExpectedFailure, in checks: inout [CheckResult]) {
    let named = checks.indices.filter { checks[$0].id.rawValue == expected.check }
    let failed = named.filter { checks[$0].status == .fail }
    let matching = failed.filter { index in
      checks[index].detail.contains(expected.matching)
        || checks[index].excerpt?.contains(expected.matching) == true
    }
    for index in matching { checks[index].isExpected = true }
    let text = "\"\(expected.matching)\""
    let status: CheckStatus
    let detail: String
    if let first = matching.first {
      status = .pass
      detail = "\(expected.check) failed as expected: \(checks[first].detail)"
    } else if let first = failed.first {
      status = .fail
      detail =
        "\(expected.check) failed, but without the expected text \(text): "
        + checks[first].detail
    } else if let open = named.first(where: {
      [.inconclusive, .unchecked].contains(checks[$0].status)
    }) {
      status = .inconclusive
      detail =
        "\(expected.check) was expected to fail with \(text), but could not be judged: "
        + checks[open].detail
    } else if checks.contains(where: { $0.status == .error }) {
      status = .inconclusive
      detail = "\(expected.check) did not fail with \(text), but the harness did not do its job"
    } else if let first = named.first {
      status = .fail
      detail =
        "\(expected.check) was expected to fail with \(text), but it passed: "
        + checks[first].detail
    } else {
      status = .fail
      detail =
        "\(expected.check) was expected to fail with \(text), but the scenario has nothing that it "
        + "could judge"
    }
    checks.append(CheckResult(.expectFailure, CheckSubject(.run), status, detail))
  }
}
