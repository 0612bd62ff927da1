/// Divides what a scheduler's loader writes into its log and the kernel's dump.
package struct SchedulerLogSplitter: Sendable {
  private static let begin = Array("ktstr-scx: dump".utf8)
  private static let end = Array("ktstr-scx: end of dump".utf8)

  private var line: [UInt8] = []
  private var isInDump = false

  /// Starts before the first byte.
  package init() {}

  /// What of these bytes completes lines of the log, and of the dump.
  package mutating func append(_ bytes: [UInt8]) -> (log: [UInt8], dump: [UInt8]) {
    var log: [UInt8] = []
    var dump: [UInt8] = []
    for byte in bytes {
      line.append(byte)
      if byte == UInt8(ascii: "\n") { flush(&log, &dump) }
    }
    return (log, dump)
  }

  /// What is left of a last line.
  package mutating func finish() -> (log: [UInt8], dump: [UInt8]) {
    var log: [UInt8] = []
    var dump: [UInt8] = []
    if !line.isEmpty { flush(&log, &dump) }
    return (log, dump)
  }

  private mutating func flush(_ log: inout [UInt8], _ dump: inout [UInt8]) {
    defer { line = [] }
    let text = line.last == UInt8(ascii: "\n") ? line.dropLast() : line[...]
    if text.elementsEqual(Self.begin) {
      isInDump = true
    } else if text.elementsEqual(Self.end) {
      isInDump = false
    } else if isInDump {
      dump += line
    } else {
      log += line
    }
  }
}

/// What the kernel told of a scheduler that it has finished with (`struct scx_exit_info`).
package struct SchedulerExit: Equatable, Sendable {
  /// Kinds from here on are errors (`SCX_EXIT_ERROR` in kernel/sched/ext_internal.h).
  package static let firstError: UInt64 = 1024

  /// `SCX_EXIT_*`; nil where only the kernel's log told.
  package var kind: UInt64?
  /// Such as `runnable task stall`.
  package var reason: String
  /// Such as `light-1[519] failed to run for 2.976s`; may be empty.
  package var message: String

  /// Makes an exit.
  package init(kind: UInt64?, reason: String, message: String) {
    self.kind = kind
    self.reason = reason
    self.message = message
  }

  /// The last exit of which the loader told in its output; nil where it told of none.
  ///
  /// The line is `ktstr-scx: exit kind=N code=N reason="..." message="..."`; quotes inside the
  /// texts are spaces.
  package init?(inLoaderOutput output: [UInt8]) {
    let prefix = "ktstr-scx: exit kind="
    let lines = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard let line = lines.last(where: { $0.hasPrefix(prefix) }) else { return nil }
    guard let kind = UInt64(line.dropFirst(prefix.count).prefix { $0.isNumber }) else {
      return nil
    }
    self.init(
      kind: kind, reason: Self.quoted("reason", in: line) ?? "",
      message: Self.quoted("message", in: line) ?? "")
  }

  /// What the kernel's log says, each line without `sched_ext: `; nil where it says nothing.
  ///
  /// `BPF scheduler "NAME" disabled (REASON)`, and behind it `NAME: MESSAGE`.
  package init?(inKernelLog log: String) {
    let lines = log.split(separator: "\n")
    guard let index = lines.lastIndex(where: { $0.contains("\" disabled (") }) else { return nil }
    let line = lines[index]
    guard let open = line.firstIndex(of: "("), let close = line.lastIndex(of: ")"), open < close
    else { return nil }
    var message = ""
    if let quote = line.firstIndex(of: "\"") {
      let name = line[line.index(after: quote)...].prefix { $0 != "\"" }
      let next = lines.dropFirst(index + 1).first
      if let next, next.hasPrefix("\(name): ") { message = String(next.dropFirst(name.count + 2)) }
    }
    self.init(
      kind: nil, reason: String(line[line.index(after: open)..<close]), message: message)
  }

  private static func quoted(_ name: String, in line: Substring) -> String? {
    var rest = line[...]
    let mark = " \(name)=\""
    while !rest.isEmpty {
      if rest.hasPrefix(mark) {
        return String(rest.dropFirst(mark.count).prefix { $0 != "\"" })
      }
      rest = rest.dropFirst()
    }
    return nil
  }

  /// Whether the kernel threw the scheduler out for an error.
  package var isError: Bool {
    if let kind { return kind >= Self.firstError }
    // scx_exit_reason() in kernel/sched/ext.c; what is not known is no good sign.
    return !reason.isEmpty && !reason.contains("unregistered") && !reason.contains("sysrq")
  }

  /// For people: `runnable task stall, kind 1026: light-1[519] failed to run for 2.976s`.
  package var text: String {
    var text = reason.isEmpty ? "no reason told" : reason
    if let kind { text += ", kind \(kind)" }
    if !message.isEmpty { text += ": \(message)" }
    return text
  }
}
