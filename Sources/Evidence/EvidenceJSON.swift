import FoundationEssentials

/// The one place where evidence becomes JSON and is read back.
package enum EvidenceJSON {
  /// A value as JSON, keys sorted; on one line, or indented for people.
  ///
  /// - Throws: ``EvidenceError/unreadable(file:reason:)`` for a value that JSON cannot hold.
  package static func encode(
    _ value: some Encodable, indented: Bool = false, for file: String
  ) throws(EvidenceError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      indented
      ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      : [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(value))
    } catch {
      throw .unreadable(file: file, reason: "cannot be written as JSON: \(error)")
    }
  }

  /// Reads a value back.
  ///
  /// - Throws: ``EvidenceError/unreadable(file:reason:)``.
  package static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], file: String
  ) throws(EvidenceError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw .unreadable(file: file, reason: reason(of: error))
    } catch {
      throw .unreadable(file: file, reason: "\(error)")
    }
  }

  private static func reason(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "the key \"\(key.stringValue)\" is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      context.codingPath.isEmpty
        ? "is not the JSON it should be"
        : "\(context.codingPath.map(\.stringValue).joined(separator: ".")): "
          + context.debugDescription
    @unknown default: "is not the JSON it should be"
    }
  }
}
