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
}

/// What is wrong with a size.
package struct SizeTextError: Error, Equatable, Sendable {
  /// A phrase that says what was expected and what was found.
  package let message: String
}
