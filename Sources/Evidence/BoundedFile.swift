/// An evidence file that takes what a guest sends, up to a limit.
package struct BoundedFile: ~Copyable {
  private let file: EvidenceFile
  private var room: Int

  /// Whether something was left out for want of room.
  package private(set) var isFull = false

  /// Bounds a file.
  package init(_ file: consuming EvidenceFile, limit: Int) {
    self.file = file
    room = limit
  }

  /// Appends what still fits; nothing more once something did not.
  ///
  /// - Returns: how many of the bytes were kept.
  /// - Throws: ``EvidenceError/system(_:)``.
  package mutating func append(_ bytes: [UInt8]) throws(EvidenceError) -> Int {
    let count = min(bytes.count, room)
    if count < bytes.count { isFull = true }
    guard count > 0 else { return 0 }
    try file.append(bytes.prefix(count))
    room = isFull ? 0 : room - count
    return count
  }

  /// Appends all of the bytes, or none of them where they do not fit.
  ///
  /// - Throws: ``EvidenceError/system(_:)``.
  package mutating func append(whole bytes: [UInt8]) throws(EvidenceError) {
    guard bytes.count <= room else {
      isFull = true
      room = 0
      return
    }
    try file.append(bytes)
    room -= bytes.count
  }
}
