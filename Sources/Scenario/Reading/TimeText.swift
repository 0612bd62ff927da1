/// Times as scenarios and the command line write them.
package enum TimeText {
  /// Nanoseconds of a time such as `5s`, or what is wrong with it in one phrase.
  package static func parse(_ text: String) -> Result<UInt64, TimeTextError> {
    do throws(UnitFamily.Failure) {
      return .success(try UnitFamily.time.parse(text))
    } catch {
      return .failure(TimeTextError(message: error.message))
    }
  }

  /// A time as the language writes it, with the largest unit that keeps it whole: `90s`.
  package static func render(_ nanoseconds: UInt64) -> String {
    UnitFamily.time.render(nanoseconds)
  }
}

/// What is wrong with a time.
package struct TimeTextError: Error, Equatable, Sendable {
  /// A phrase that says what was expected and what was found.
  package let message: String
}
