import Scenario
import Wire

/// When and where something happened to a worker: what sentences of failed checks end with.
struct Spot {
  /// When it began, in guest monotonic time; nil where only its end is told.
  var from: UInt64?
  /// When it came to its end, or happened.
  var at: UInt64
  /// The CPU, as far as it is known.
  var cpu: UInt32?
}

extension Ledger {
  /// For the end of a sentence: `1.23 s into the work on CPU 1 in cgroup a/b, in phase squeeze`.
  func text(of spot: Spot, _ worker: WorkerRecord) -> String {
    time(spot) + (spot.cpu.map { " on CPU \($0)" } ?? "") + home(of: worker, at: spot.at)
      + (phase(at: spot.at).map { ", in phase \($0)" } ?? "")
  }

  /// A spot that the worker itself told of, in nanoseconds after its group's first start.
  func text(ofOwn at: UInt64, cpu: UInt32, _ worker: WorkerRecord) -> String {
    let start = ownStart(of: worker) ?? stages[.workStarted] ?? 0
    return text(of: Spot(at: start.saturating(adding: at), cpu: cpu), worker)
  }

  /// For the end of a sentence: ` in cgroup a/b`; nothing for a worker without one.
  func home(of worker: WorkerRecord, at monotonic: UInt64? = nil) -> String {
    cgroup(ofGroup: Int(worker.id.work), at: monotonic).map { " in cgroup \($0)" } ?? ""
  }

  private func time(_ spot: Spot) -> String {
    let start = stages[.workStarted] ?? 0
    func text(_ monotonic: UInt64) -> String {
      Quantity(monotonic > start ? monotonic - start : 0, .nanoseconds).text
    }
    guard let from = spot.from else { return "\(text(spot.at)) into the work" }
    return "from \(text(from)) to \(text(spot.at)) into the work"
  }

  /// The cgroup of a group's workers at a moment, or at the start.
  private func cgroup(ofGroup index: Int, at monotonic: UInt64?) -> String? {
    let group = scenario.work[index]
    var cgroup = group.cgroup
    guard let monotonic else { return cgroup }
    for report in phases where report.monotonic <= monotonic {
      guard case .action(let number, _, _, "", _) = report.what else { continue }
      switch action(number, ofStep: report.step) {
      case .move(group.name, let target): cgroup = target
      case .start(group.name): cgroup = group.cgroup
      default: break
      }
    }
    return cgroup
  }

  /// The phase of a moment; nil where there are none.
  private func phase(at monotonic: UInt64) -> String? {
    var found: String?
    for report in phases where report.monotonic <= monotonic {
      switch report.what {
      case .began: found = report.phase
      case .ended: found = nil
      case .action: break
      }
    }
    return found
  }
}
