import Scenario

/// How a value of a group is taken from its samples, and told.
extension ConvergenceLimit.Value {
  /// What it is called.
  var noun: String {
    switch self {
    case .rate: "rate"
    case .cpu: "CPU time"
    }
  }

  /// The value in a window of samples.
  func measure(_ window: SampleCurve.Window) -> Double {
    switch self {
    case .rate: window.iterationsPerSecond
    case .cpu: window.cpus
    }
  }

  /// The value for people.
  func text(_ value: Double) -> String {
    switch self {
    case .rate: Quantity(value, .perSecond).text
    case .cpu: "\(Quantity(value, .ratio).text) of a CPU"
    }
  }
}
