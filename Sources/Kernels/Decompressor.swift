package import Boot
package import HostOS

/// Unpacks with the well-kept tools of the system.
package enum Decompressor {
  /// The command that unpacks its standard input to its standard output.
  static func command(for compression: Compression) -> (tool: String, arguments: [String]) {
    switch compression {
    case .gzip: ("gzip", ["-dc"])
    case .bzip2: ("bzip2", ["-dc"])
    case .lzma: ("xz", ["--format=lzma", "-dc"])
    case .xz: ("xz", ["-dc"])
    case .lzo: ("lzop", ["-dc"])
    case .lz4: ("lz4", ["-dc"])
    // Windows as large as the kernel's build may use them.
    case .zstd: ("zstd", ["-dc", "--long=31"])
    }
  }

  /// The unpacked content of a file; a file that is not compressed is given as it is.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - limit: The most bytes that it may hold or give.
  /// - Throws: ``ToolError`` or ``SystemCallError``.
  package static func content(of path: String, limit: Int) throws -> [UInt8] {
    let packed = try Files.read(path, limit: limit)
    guard let compression = Compression(of: packed.span) else { return packed }
    let (tool, arguments) = command(for: compression)
    var request = ToolRequest(tool, arguments)
    request.standardInput = path
    request.standardOutput = .captured(limit: limit)
    return try ToolRunner.run(request).output
  }

  /// Unpacks one file to another.
  ///
  /// - Parameters:
  ///   - source: A file that is one compressed stream.
  ///   - target: The file to make.
  ///   - compression: How `source` is compressed.
  ///   - limit: About the most bytes that `target` may grow to.
  /// - Throws: ``ToolError``.
  package static func unpack(
    _ source: String, to target: String, compression: Compression, limit: UInt64
  ) throws(ToolError) {
    let (tool, arguments) = command(for: compression)
    var request = ToolRequest(tool, arguments)
    request.standardInput = source
    request.standardOutput = .file(path: target, limit: limit)
    _ = try ToolRunner.run(request)
  }
}
