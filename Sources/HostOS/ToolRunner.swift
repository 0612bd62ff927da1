import Glibc
import SystemPackage

/// Runs external programs to completion: bounded in time and output, killed with this process.
package enum ToolRunner {
  /// Where a program lies; nil when there is none.
  ///
  /// An absolute path is taken as it is; a name is looked up in `PATH`, and in the system directories
  /// that a user's `PATH` often lacks.
  package static func find(_ tool: String) -> String? {
    if tool.contains("/") { return isExecutable(tool) ? tool : nil }
    let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
    let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
    return directories.lazy.filter { $0.hasPrefix("/") }.map { $0 + "/" + tool }
      .first(where: isExecutable)
  }

  /// Runs a tool and gives its output; anything but exit status 0 is an error.
  ///
  /// Both pipes are drained while it runs, so that it never blocks on us. Ends when the tool itself
  /// ends, even where a grandchild still holds its pipes.
  ///
  /// - Throws: ``ToolError``.
  package static func run(_ request: ToolRequest) throws(ToolError) -> ToolResult {
    guard let path = find(request.tool) else { throw .notFound(tool: request.tool) }
    do {
      var run = try ToolRun(request, path: path)
      return try run.finish()
    } catch let error as ToolError {
      throw error
    } catch let error as SystemCallError {
      throw .system(tool: request.tool, error)
    } catch {
      // ToolRun throws the two types above and nothing else.
      preconditionFailure("unexpected error: \(error)")
    }
  }

  private static func isExecutable(_ path: String) -> Bool {
    unsafe access(path, X_OK) == 0
  }
}

/// One run in progress.
private struct ToolRun: ~Copyable {
  private let request: ToolRequest
  private var child: ChildProcess
  private let output: OwnedDescriptor
  private let errors: OwnedDescriptor
  private var captured: [UInt8] = []
  private var errorTail: [UInt8] = []
  private var outputOpen = true
  private var errorsOpen = true
  private let deadline: MonotonicTime

  init(_ request: ToolRequest, path: String) throws(SystemCallError) {
    self.request = request
    deadline = MonotonicTime.now().advanced(byNanoseconds: request.timeLimitNanoseconds)
    let input = try Files.open(request.standardInput ?? "/dev/null", O_RDONLY)
    let errorsPipe = try ToolPipe()
    var spawn = ProcessRequest(
      path: path, arguments: request.arguments, environment: Self.environment(of: request))
    spawn.workingDirectory = request.workingDirectory
    spawn.descriptors = [.init(input.raw, to: 0), .init(errorsPipe.writer.raw, to: 2)]
    switch request.standardOutput {
    case .captured:
      let outputPipe = try ToolPipe()
      spawn.descriptors.append(.init(outputPipe.writer.raw, to: 1))
      child = try ChildProcess(spawning: spawn)
      output = outputPipe.reader
    case .file(let file, _):
      let target = try Files.open(file, O_WRONLY | O_CREAT | O_TRUNC)
      spawn.descriptors.append(.init(target.raw, to: 1))
      child = try ChildProcess(spawning: spawn)
      output = target
      outputOpen = false
    }
    errors = errorsPipe.reader
  }

  /// Drains the pipes until the tool ends, then judges how it ended.
  mutating func finish() throws -> ToolResult {
    var ended: ExitStatus?
    while ended == nil {
      ended = try child.poll()
      if ended == nil { try waitForNews() }
      try drain()
    }
    let words = Self.lastWords(errorTail.isEmpty ? captured.suffix(4096) : errorTail[...])
    guard let ended, ended == .exited(0) else {
      throw ToolError.failed(
        tool: request.tool, status: ended ?? .exited(-1), lastWords: words)
    }
    return ToolResult(output: captured, errors: String(decoding: errorTail, as: UTF8.self))
  }

  private mutating func waitForNews() throws {
    let now = MonotonicTime.now()
    guard now < deadline else {
      _ = try child.kill()
      try drain()
      throw ToolError.timedOut(
        tool: request.tool, limitNanoseconds: request.timeLimitNanoseconds,
        lastWords: Self.lastWords(errorTail[...]))
    }
    var patience = deadline.nanoseconds(since: now)
    // Nothing tells us when a file grows, so its size is looked at now and then.
    if case .file = request.standardOutput { patience = min(patience, 50_000_000) }
    _ = try Poll.wait(
      readable: [
        child.pidDescriptor.raw, outputOpen ? output.raw : -1, errorsOpen ? errors.raw : -1,
      ], timeoutNanoseconds: patience)
  }

  private mutating func drain() throws {
    switch request.standardOutput {
    case .captured(let limit):
      let over = try Self.drain(output.raw, into: &captured, limit: limit, open: &outputOpen)
      if over { throw ToolError.tooMuchOutput(tool: request.tool, limit: UInt64(limit)) }
    case .file(_, let limit):
      var status = stat()
      let raw = output.raw
      try systemCall("fstat") { unsafe fstat(raw, &status) }
      if UInt64(clamping: status.st_size) > limit {
        throw ToolError.tooMuchOutput(tool: request.tool, limit: limit)
      }
    }
    _ = try Self.drain(errors.raw, into: &errorTail, limit: .max, open: &errorsOpen)
    // Only the end is wanted, however much a tool complains.
    if errorTail.count > 16384 { errorTail.removeFirst(errorTail.count - 8192) }
  }

  /// Reads what a pipe holds now; true when `limit` is passed.
  private static func drain(
    _ raw: CInt, into bytes: inout [UInt8], limit: Int, open: inout Bool
  ) throws(SystemCallError) -> Bool {
    guard open else { return false }
    var buffer = [UInt8](repeating: 0, count: 65536)
    // A quarter of a megabyte at a time, so that a flood cannot keep us from the clock.
    for _ in 0..<4 {
      let got: Int
      do {
        got = try systemCall("read") {
          unsafe buffer.withUnsafeMutableBytes { unsafe read(raw, $0.baseAddress, $0.count) }
        }
      } catch {
        if error.errno == .wouldBlock { return false }
        throw error
      }
      if got == 0 {
        open = false
        return false
      }
      bytes.append(contentsOf: buffer[..<got])
      if bytes.count > limit { return true }
    }
    return false
  }

  private static func environment(of request: ToolRequest) -> [String] {
    let changed = ["LC_ALL": "C"].merging(request.environment) { $1 }
    var kept: [String] = []
    var cursor: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = unsafe environ
    while let entry = unsafe cursor.pointee {
      let text = unsafe String(cString: entry)
      if !changed.keys.contains(where: { text.hasPrefix($0 + "=") }) { kept.append(text) }
      unsafe cursor += 1
    }
    return kept + changed.map { "\($0.key)=\($0.value)" }.sorted()
  }

  /// The line that says most about a failure: the first that apt and dpkg mark as an error, else
  /// the last one that is not empty.
  private static func lastWords(_ bytes: ArraySlice<UInt8>) -> String {
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { line in String(line.drop { $0 == " " || $0 == "\t" }) }.filter { !$0.isEmpty }
    return lines.first { $0.hasPrefix("E: ") } ?? lines.last ?? ""
  }
}

/// A pipe whose reading end, ours, does not block.
private struct ToolPipe: ~Copyable {
  let reader: OwnedDescriptor
  let writer: OwnedDescriptor

  init() throws(SystemCallError) {
    var ends: [CInt] = [-1, -1]
    try systemCall("pipe") { unsafe pipe(&ends) }
    let reader = OwnedDescriptor(owning: ends[0])
    let writer = OwnedDescriptor(owning: ends[1])
    let raw = reader.raw
    try systemCall("fcntl") { fcntl(raw, F_SETFL, O_NONBLOCK) }
    self.reader = reader
    self.writer = writer
  }
}
