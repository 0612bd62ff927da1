/// Why bytes from the other side could not be read.
package enum WireError: Error, Equatable, Sendable {
  /// The input ended: `needed` bytes were wanted at `offset`, `available` were left.
  case truncated(offset: Int, needed: Int, available: Int)
  /// The first word is not the expected magic.
  case badMagic(found: UInt32, expected: UInt32)
  /// A version that this build does not read.
  case unsupportedVersion(UInt16)
  /// The CRC-32C does not match the bytes.
  case badChecksum(found: UInt32, computed: UInt32)
  /// A code or count outside its range, at `offset`.
  case badValue(offset: Int, value: UInt64)
  /// A string that is not UTF-8, at `offset`.
  case badText(offset: Int)
}
