/// Sizes as people write them, outside of scenarios.
package enum SizeText {
  /// Bytes of a size such as `64MiB`, or what is wrong with it in one phrase.
  package static func parse(_ text: String) -> Result<UInt64, SizeTextError> {
    do throws(UnitFamily.Failure) {
      return .success(try UnitFamily.size.parse(text))
    } catch {
      return .failure(SizeTextError(message: error.message))
    }
  }

  /// A size as the language writes it, with the largest unit that keeps it whole: `64MiB`.
  package static func render(_ bytes: UInt64) -> String {
    UnitFamily.size.render(bytes)
  }
}

/// What is wrong with a size.
package struct SizeTextError: Error, Equatable, Sendable {
  /// A phrase that says what was expected and what was found.
  package let message: String
}
