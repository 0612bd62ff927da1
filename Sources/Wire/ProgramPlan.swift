/// A program of the host that the guest runs in place of a scenario's work.
package struct ProgramPlan: Equatable, Sendable {
  /// The program's path in the guest.
  package var path: String
  /// Its arguments, the first of which is the name that it was called by.
  package var arguments: [String]
  /// `NAME=value` texts; nothing else is in its environment.
  package var environment: [String]
  /// The directory that it starts in.
  package var directory: String
  /// Module files to load before it starts, in this order; one that cannot be loaded ends the run.
  package var modules: [String]

  /// Makes a plan.
  package init(
    path: String, arguments: [String], environment: [String], directory: String,
    modules: [String]
  ) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.modules = modules
  }

  func encode(into body: inout ByteWriter) {
    for text in [path, directory] { body.longString(text) }
    for list in [arguments, environment, modules] {
      body.uint32(UInt32(list.count))
      for text in list { body.longString(text) }
    }
  }

  init(from body: inout ByteReader) throws(WireError) {
    path = try body.longString()
    directory = try body.longString()
    arguments = try Self.list(from: &body)
    environment = try Self.list(from: &body)
    modules = try Self.list(from: &body)
  }

  private static func list(from body: inout ByteReader) throws(WireError) -> [String] {
    var list: [String] = []
    for _ in 0..<(try body.uint32()) { list.append(try body.longString()) }
    return list
  }
}

extension ByteWriter {
  /// Appends a 32-bit length and the UTF-8 of a string; an argument of a program may have 128 KiB.
  fileprivate mutating func longString(_ value: String) {
    uint32(UInt32(value.utf8.count))
    raw([UInt8](value.utf8))
  }
}

extension ByteReader {
  /// Reads a 32-bit length and that many bytes of UTF-8.
  fileprivate mutating func longString() throws(WireError) -> String {
    let length = try uint32()
    let start = offset
    let slice = try take(Int(length))
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw .badText(offset: start)
    }
    return text
  }
}
