import HostOS
package import SystemPackage

/// SHA-256 of files, by the system's `sha256sum`.
package enum Checksum {
  /// The hashes of files in their order, each 64 hexadecimal digits.
  ///
  /// - Throws: ``ToolError``, or ``KernelError`` for an answer that makes no sense.
  package static func sha256(of paths: [FilePath]) throws -> [String] {
    guard !paths.isEmpty else { return [] }
    let result = try ToolRunner.run(ToolRequest("sha256sum", ["--"] + paths.map(\.string)))
    // A name with unusual characters makes the line begin with a backslash.
    let hashes = result.text.split(whereSeparator: \.isNewline).map { line in
      String(line.drop { $0 == "\\" }.prefix(64))
    }
    guard hashes.count == paths.count, hashes.allSatisfy({ $0.allSatisfy(\.isHexDigit) }) else {
      throw KernelError.step("sha256sum", reason: "unexpected answer '\(result.text.prefix(80))'")
    }
    return hashes
  }

  /// The hash of one file.
  ///
  /// - Throws: As ``sha256(of:)-([FilePath])``.
  package static func sha256(of path: FilePath) throws -> String {
    try sha256(of: [path]).first ?? ""
  }
}
