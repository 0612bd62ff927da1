extension Node {
  /// This value as a string; any other is a problem.
  func text(_ expected: String = "a string") -> String? {
    guard case .text(let text) = value.kind else {
      refuse(expected: expected)
      return nil
    }
    return text
  }

  /// This value as a yes or no; any other is a problem.
  func flag() -> Bool? {
    guard case .flag(let flag) = value.kind else {
      refuse(expected: "true or false")
      return nil
    }
    return flag
  }

  /// This value as a whole number in a range; any other is a problem.
  func whole(in range: ClosedRange<UInt64>) -> UInt64? {
    let found: UInt64? =
      switch value.kind {
      case .integer(let number): UInt64(exactly: number)
      case .unsigned(let number): number
      default: nil
      }
    guard let found, range.contains(found) else {
      let end = range.upperBound == .max ? "2^64-1" : String(range.upperBound)
      refuse(expected: "a whole number from \(range.lowerBound) to \(end)")
      return nil
    }
    return found
  }

  /// This value as a whole number in a range that begins below 0; any other is a problem.
  func signed(in range: ClosedRange<Int64>) -> Int64? {
    guard case .integer(let number) = value.kind, range.contains(number) else {
      refuse(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  /// This value as a part of one, 0.3 or "30%"; any other is a problem.
  func share() -> Double? { proportion(upTo: 1) }

  /// This value as a proportion that may be above one, 1.5 or "150%"; any other is a problem.
  func proportion(upTo limit: Double = 100) -> Double? {
    var found = number
    if case .text(let text) = value.kind, text.hasSuffix("%") {
      let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
      // What else a Double may be written as, such as 0x1p4 or 1e1, is no percentage.
      let isPlain = parts.allSatisfy { part in
        !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      }
      if isPlain, parts.count <= 2 { found = Double(text.dropLast()).map { $0 / 100 } }
    }
    guard let found, (0...limit).contains(found) else {
      refuse(expected: "a number from 0 to \(Int(limit)) or a string such as \"30%\"")
      return nil
    }
    return found
  }

  /// This value as a number, nil when it is none; makes no problem of that.
  var number: Double? {
    switch value.kind {
    case .integer(let number): Double(number)
    case .unsigned(let number): Double(number)
    case .number(let number, _): number
    default: nil
    }
  }

  /// This value as a time in nanoseconds; anything else, or one out of range, is a problem.
  func time(in range: ClosedRange<UInt64>) -> UInt64? {
    quantity(.time, in: range)
  }

  /// This value as a size in bytes; anything else, or one out of range, is a problem.
  func size(in range: ClosedRange<UInt64>) -> UInt64? {
    quantity(.size, in: range)
  }

  /// This value as a size that is a multiple of another; anything else is a problem.
  func size(in range: ClosedRange<UInt64>, multipleOf unit: UInt64) -> UInt64? {
    guard let size = size(in: range) else { return nil }
    guard size.isMultiple(of: unit) else {
      refuse(expected: "a multiple of \(UnitFamily.size.render(unit))")
      return nil
    }
    return size
  }

  private func quantity(_ family: UnitFamily, in range: ClosedRange<UInt64>) -> UInt64? {
    guard case .text(let text) = value.kind else {
      let bare = number == nil ? "" : " without a unit"
      refuse("\(family.expectation), found \(value.summary)\(bare)")
      return nil
    }
    do throws(UnitFamily.Failure) {
      let quantity = try family.parse(text)
      guard range.contains(quantity) else {
        let (low, high) = (family.render(range.lowerBound), family.render(range.upperBound))
        refuse(expected: "a \(family.name) from \(low) to \(high)")
        return nil
      }
      return quantity
    } catch {
      refuse(error.message)
      return nil
    }
  }

  /// This value as one of a few words; any other is a problem.
  func choice<Choice: RawRepresentable & CaseIterable>(_ noun: String) -> Choice?
  where Choice.RawValue == String {
    let known = Choice.allCases.map(\.rawValue)
    guard let text = text("\(noun) (\(Quoting.alternatives(known)))") else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    refuse("unknown \(noun) \(Quoting.quoted(text))" + Spelling.hint(for: text, in: known))
    return nil
  }

  /// This value as a name of letters, digits and some signs; anything else is a problem.
  func name(signs: String, limit: Int = 64) -> String? {
    guard let text = text() else { return nil }
    let isGood = text.unicodeScalars.allSatisfy { scalar in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9": true
      default: signs.unicodeScalars.contains(scalar)
      }
    }
    guard isGood, !text.isEmpty, text.unicodeScalars.count <= limit else {
      let shown = signs.map(String.init).joined(separator: " ")
      refuse(expected: "a name of 1 to \(limit) letters, digits and \(shown)")
      return nil
    }
    return text
  }
}
