import Glibc
import HostOS
import SystemPackage

/// One run's directory: created once, never shared with another run, only ever added to.
package struct RunDirectory: Sendable, Hashable {
  /// How much is kept of each stream of a guest; far below what is read back.
  package static let streamLimit = 256 << 20
  /// A file of a run that is larger than this is not read.
  private static let fileLimit = 1 << 30

  /// Path of the directory.
  package let path: String

  /// Names an existing directory.
  package init(path: String) {
    self.path = path
  }

  /// Creates `<parent>/<time>-<name>-<short id>`, and the parent where it is missing.
  ///
  /// - Throws: ``EvidenceError``.
  package static func create(
    in parent: String, time: String, name: String, runID: String
  ) throws(EvidenceError) -> RunDirectory {
    do throws(SystemCallError) {
      try Files.makeDirectories(parent)
      // The id is random, so a clash means that something is wrong rather than unlucky.
      for attempt in 0..<8 {
        let suffix = attempt == 0 ? "" : "-\(attempt)"
        let path = "\(parent)/\(time)-\(name)-\(runID.prefix(6))\(suffix)"
        do throws(SystemCallError) {
          try systemCall("mkdir", on: path) { unsafe mkdir(path, 0o755) }
          return RunDirectory(path: path)
        } catch {
          guard error.errno == .fileExists else { throw error }
        }
      }
    } catch {
      throw .system(error)
    }
    throw .noFreeName(parent: parent)
  }

  /// Path of one of its files.
  package func path(of file: RunFile) -> String {
    "\(path)/\(file.rawValue)"
  }

  /// Creates a file to append to.
  ///
  /// - Throws: ``EvidenceError/system(_:)``, also when it exists already.
  package func create(_ file: RunFile) throws(EvidenceError) -> EvidenceFile {
    try EvidenceFile(creating: path(of: file))
  }

  /// Creates a file with this content.
  ///
  /// - Throws: ``EvidenceError/system(_:)``, also when it exists already.
  package func write(_ bytes: [UInt8], to file: RunFile) throws(EvidenceError) {
    try create(file).append(bytes)
  }

  /// Creates a file with this value as indented JSON.
  ///
  /// - Throws: ``EvidenceError``.
  package func write(json value: some Encodable, to file: RunFile) throws(EvidenceError) {
    let bytes = try EvidenceJSON.encode(value, indented: true, for: file.rawValue)
    try write(bytes + [UInt8(ascii: "\n")], to: file)
  }

  /// The whole content of a file, or nil where the run never got to write it.
  ///
  /// - Throws: ``EvidenceError/system(_:)``.
  package func read(_ file: RunFile) throws(EvidenceError) -> [UInt8]? {
    let path = path(of: file)
    do {
      return try Files.read(path, limit: Self.fileLimit)
    } catch {
      if error.errno == .noSuchFileOrDirectory { return nil }
      throw .system(error)
    }
  }

  /// A JSON file's value, or nil where the run never got to write it whole.
  ///
  /// - Throws: ``EvidenceError``.
  package func read<Value: Decodable>(
    json type: Value.Type, from file: RunFile
  ) throws(EvidenceError) -> Value? {
    // An empty file is one whose writer was killed between creating and writing it.
    guard let bytes = try read(file), !bytes.isEmpty else { return nil }
    return try EvidenceJSON.decode(type, from: bytes, file: path(of: file))
  }
}
