/// What may be done with a stretch of memory.
///
/// A set: `union` grants more, `intersection` less, and the empty one grants nothing. To write does
/// not imply to read.
package struct MemoryPermissions: OptionSet, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// Bytes may be read.
  package static let read = MemoryPermissions(rawValue: 1)
  /// Bytes may be written.
  package static let write = MemoryPermissions(rawValue: 2)
  /// Both.
  package static let readWrite: MemoryPermissions = [.read, .write]

  /// Whether everything that the access needs is granted.
  package func allow(_ access: MemoryPermissions) -> Bool { isSuperset(of: access) }

  package var description: String {
    (contains(.read) ? "r" : "-") + (contains(.write) ? "w" : "-")
  }
}
