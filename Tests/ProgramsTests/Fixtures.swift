import Glibc
import HostOS
import Programs
import Testing

/// A directory of one test, gone when the test is done.
final class TemporaryDirectory {
  let path: String

  init() throws {
    var template = Array("/tmp/ktstr-programs-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    path = String(cString: made)
  }

  deinit {
    try? Files.removeTree(path)
  }

  /// Writes a file below it, with the directories above; gives its path.
  @discardableResult
  func write(_ name: String, _ text: String = "x", mode: UInt32 = 0o644) throws -> String {
    try write(name, Array(text.utf8), mode: mode)
  }

  /// Writes a file below it, with the directories above; gives its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws -> String {
    let file = path + "/" + name
    try Files.makeDirectories(GuestPath.parent(of: file))
    try Files.write(bytes, to: file, mode: mode)
    return file
  }

  /// Makes a symbolic link below it.
  @discardableResult
  func link(_ name: String, to target: String) throws -> String {
    let file = path + "/" + name
    try Files.makeDirectories(GuestPath.parent(of: file))
    try systemCall("symlink") { symlink(target, file) }
    return file
  }
}

/// ELF files as small as they can be: a header, segments and a dynamic section.
struct SyntheticELF {
  var isExecutable = false
  var machine: UInt16 = 62
  var interpreter: String?
  var needed: [String] = []
  var rpath: String?
  var runpath: String?
  /// Where the dynamic strings claim to be, in place of where they are.
  var stringsAddress: UInt64?

  /// The file's bytes: strings, dynamic section and loader's name behind the program headers, all
  /// of it one segment at address 0.
  var bytes: [UInt8] {
    var strings: [UInt8] = [0]
    func string(_ text: String) -> UInt64 {
      let offset = UInt64(strings.count)
      strings += Array(text.utf8) + [0]
      return offset
    }
    var entries: [(tag: UInt64, value: UInt64)] = needed.map { (1, string($0)) }
    if let rpath { entries.append((15, string(rpath))) }
    if let runpath { entries.append((29, string(runpath))) }
    let loader: [UInt8] = interpreter.map { Array($0.utf8) + [0] } ?? []
    let headers = 64 + 3 * 56
    let stringsOffset = UInt64(headers + loader.count)
    entries += [
      (5, stringsAddress ?? stringsOffset), (10, UInt64(strings.count)), (0, 0),
    ]
    let dynamicOffset = stringsOffset + UInt64(strings.count)
    let total = dynamicOffset + UInt64(entries.count * 16)
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    func put<Value: FixedWidthInteger>(_ value: Value) {
      withUnsafeBytes(of: value.littleEndian) { file += Array($0) }
    }
    put(UInt16(isExecutable ? 2 : 3))
    put(machine)
    put(UInt32(1))
    put(UInt64(0))
    put(UInt64(64))
    put(UInt64(0))
    put(UInt32(0))
    for value: UInt16 in [64, 56, 3, 0, 0, 0] { put(value) }
    // PT_NULL in place of PT_INTERP where there is no loader.
    let segments: [(type: UInt32, offset: UInt64, size: UInt64)] = [
      (interpreter == nil ? 0 : 3, UInt64(headers), UInt64(loader.count)),
      (1, 0, total), (2, dynamicOffset, UInt64(entries.count * 16)),
    ]
    for segment in segments {
      put(segment.type)
      put(UInt32(5))
      for value in [segment.offset, segment.offset, 0, segment.size, segment.size, 8] {
        put(value)
      }
    }
    file += loader + strings
    for entry in entries {
      put(entry.tag)
      put(entry.value)
    }
    return file
  }
}

extension FileTree {
  /// What stands at a path, links not followed.
  func entry(_ path: String) -> Node? {
    entries.first { $0.path == path }?.node
  }

  /// Whether a file of the host stands somewhere.
  func hasFile(from source: String) -> Bool {
    entries.contains {
      if case .file(source, _, _) = $0.node { true } else { false }
    }
  }
}
