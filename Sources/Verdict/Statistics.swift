/// The few numbers that checks make of many.
enum Statistics {
  /// The mean; nil of nothing.
  static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// Standard deviation of all values (not of a sample of them) by their mean; nil where the mean
  /// is zero or there is nothing.
  static func variation(_ values: [Double]) -> Double? {
    guard let mean = mean(values), mean > 0 else { return nil }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count)).squareRoot() / mean
  }

  /// The middle value, or the mean of the two in the middle; nil of nothing.
  static func median(_ values: [Double]) -> Double? {
    let sorted = values.sorted()
    guard let last = sorted.last else { return nil }
    let middle = sorted.count / 2
    if sorted.count == 1 { return last }
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
