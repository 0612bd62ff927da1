import Evidence
import Scenario
import Wire

extension Ledger {
  /// What the scratch disk counted, against what the scenario asks of it.
  func deviceChecks() -> [CheckResult] {
    guard let expect = scenario.expect.device, scenario.machine.disk != nil else { return [] }
    return [ioErrors(upTo: expect.maxIOErrors)] + expect.minimums.map(minimum)
      + (expect.maxThrottleShare.map { [throttleShare(upTo: $0)] } ?? [])
  }

  /// The reading of the scratch disk: the one of that name, or the only one there is.
  var disk: DeviceCounters? {
    evidence.devices.last { $0.device == DiskSpec.deviceName }
      ?? (evidence.devices.count == 1 ? evidence.devices[0] : nil)
  }

  func subject(_ counter: String) -> CheckSubject {
    CheckSubject(.device, "\(DiskSpec.deviceName) \(counter)")
  }

  func missing(_ counter: String) -> String {
    disk == nil
      ? "there is no reading of the disk's counters"
      : "the disk does not count \(counter)"
  }

  private func ioErrors(upTo most: UInt64) -> CheckResult {
    let limit = Limit(.atMost, Quantity(most, .count))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .deviceIOErrors, subject("ioErrors"), status, measured: measured, limit: limit, detail)
    }
    let guestSide = workers.reduce(UInt64(0)) { sum, worker in
      let (total, overflow) = sum.addingReportingOverflow(worker.disk?.ioErrors ?? 0)
      return overflow ? .max : total
    }
    let counted = disk?["ioErrors"]
    // An error that only the guest saw, such as a lost request, is an error all the same.
    let measured = Quantity(max(counted ?? 0, guestSide), .count)
    let story =
      "\(measured.text) I/O errors"
      + (guestSide > counted ?? 0 ? " seen by workers, \(counted ?? 0) by the disk" : "")
    guard limit.holds(for: measured) else {
      return result(.fail, measured, "\(story), at most \(most) may occur")
    }
    guard counted != nil else { return result(.inconclusive, nil, missing("ioErrors")) }
    guard isComplete else {
      return result(.inconclusive, measured, "\(story), as far as the run went")
    }
    return result(.pass, measured, story)
  }

  private func minimum(_ expected: DeviceExpectations.Minimum) -> CheckResult {
    let counter = expected.counter
    let unit: Quantity.Unit = counter.hasPrefix("bytes") ? .bytes : .count
    let limit = Limit(.atLeast, Quantity(expected.value, unit))
    func result(_ status: CheckStatus, _ measured: Quantity?, _ detail: String) -> CheckResult {
      CheckResult(
        .deviceMinimum, subject(counter), status, measured: measured, limit: limit, detail)
    }
    guard let value = disk?[counter] else { return result(.inconclusive, nil, missing(counter)) }
    let measured = Quantity(value, unit)
    let (shown, border) = Quantity.texts(measured, limit.quantity)
    if limit.holds(for: measured) {
      return result(.pass, measured, "the disk's \(counter) is \(shown)")
    }
    let shortfall = "the disk's \(counter) is \(shown), at least \(border) is expected"
    guard isComplete else {
      return result(.inconclusive, measured, "\(shortfall), but the run did not reach its end")
    }
    return result(.fail, measured, shortfall)
  }
}
