import Glibc
import HostOS
import SystemPackage

/// Finds out whether a directory can be written by writing.
///
/// Permissions alone do not tell: root passes them all, and neither a read-only nor a full file
/// system shows there.
package enum DirectoryProbe {
  /// What any run writes, at the very least.
  private static let probeBytes = 256 << 10

  /// Why nothing can be written below a path, which need not exist yet; nil when it can be.
  package static func refusal(ofWritingBelow path: String) -> String? {
    let directory = existing(at: path)
    let probe = "\(directory)/.ktstr-probe-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    defer { try? Files.removeTree(probe) }
    do {
      try Files.makeDirectories(probe)
      try Files.write([UInt8](repeating: 0x6b, count: probeBytes), to: "\(probe)/file")
      return nil
    } catch {
      return "\(error.errno)"
    }
  }

  /// What this user may still write below a path, in bytes; nil where the file system has no say.
  package static func freeBytes(below path: String) -> UInt64? {
    var status = statvfs()
    guard unsafe statvfs(existing(at: path), &status) == 0, status.f_blocks > 0 else { return nil }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? .max : bytes
  }

  /// The path itself, or the nearest directory above it that exists.
  private static func existing(at path: String) -> String {
    var place = FilePath(path)
    while (try? Files.status(of: place.string)) ?? nil == nil {
      guard place.removeLastComponent(), !place.isEmpty else { return "." }
    }
    return place.string
  }
}
