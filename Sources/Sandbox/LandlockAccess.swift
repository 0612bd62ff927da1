/// What may be done with files beneath a path (linux/landlock.h: `LANDLOCK_ACCESS_FS_...`).
package struct LandlockAccess: OptionSet, Hashable, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// C name: `LANDLOCK_ACCESS_FS_EXECUTE`.
  package static let execute = LandlockAccess(rawValue: 1 << 0)
  /// C name: `LANDLOCK_ACCESS_FS_WRITE_FILE`.
  package static let writeFile = LandlockAccess(rawValue: 1 << 1)
  /// C name: `LANDLOCK_ACCESS_FS_READ_FILE`.
  package static let readFile = LandlockAccess(rawValue: 1 << 2)
  /// C name: `LANDLOCK_ACCESS_FS_READ_DIR`.
  package static let readDirectory = LandlockAccess(rawValue: 1 << 3)
  /// C name: `LANDLOCK_ACCESS_FS_REMOVE_DIR`.
  package static let removeDirectory = LandlockAccess(rawValue: 1 << 4)
  /// C name: `LANDLOCK_ACCESS_FS_REMOVE_FILE`.
  package static let removeFile = LandlockAccess(rawValue: 1 << 5)
  /// C name: `LANDLOCK_ACCESS_FS_MAKE_DIR`.
  package static let makeDirectory = LandlockAccess(rawValue: 1 << 7)
  /// C name: `LANDLOCK_ACCESS_FS_MAKE_REG`.
  package static let makeFile = LandlockAccess(rawValue: 1 << 8)
  /// Links and renames across directories, from ABI 2; C name: `LANDLOCK_ACCESS_FS_REFER`.
  package static let refer = LandlockAccess(rawValue: 1 << 13)
  /// From ABI 3; C name: `LANDLOCK_ACCESS_FS_TRUNCATE`.
  package static let truncate = LandlockAccess(rawValue: 1 << 14)
  /// Requests to character and block devices, from ABI 5; C name: `LANDLOCK_ACCESS_FS_IOCTL_DEV`.
  package static let deviceRequests = LandlockAccess(rawValue: 1 << 15)

  /// All that a kernel of this ABI can refuse.
  ///
  /// ABI 1 has bits 0 to 12: those above, and making each kind of special file.
  package static func known(to abi: Int) -> LandlockAccess {
    var known = LandlockAccess(rawValue: (1 << 13) - 1)
    if abi >= 2 { known.insert(.refer) }
    if abi >= 3 { known.insert(.truncate) }
    if abi >= 5 { known.insert(.deviceRequests) }
    return known
  }

  /// Reading files and listing directories.
  package static let reading: LandlockAccess = [.readFile, .readDirectory]
  /// Reading and changing plain files, directories included, and moving files between them.
  package static let writing: LandlockAccess = [
    .readFile, .readDirectory, .writeFile, .truncate, .makeFile, .makeDirectory, .removeFile,
    .removeDirectory, .refer,
  ]
  /// What makes sense for a path that is no directory; the kernel refuses a rule with more.
  package static let ofFiles: LandlockAccess = [
    .execute, .writeFile, .readFile, .truncate, .deviceRequests,
  ]
}
