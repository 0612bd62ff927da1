internal import CGuest
internal import GuestLogic

/// Whole-file access to the small files that init reads and writes.
enum Files {
  /// Reads a file of at most `limit` bytes.
  ///
  /// - Parameter waits: whether it may wait for what is no file on a disk, such as a pipe.
  static func read(
    _ path: String, limit: Int = 1 << 16, waits: Bool = true
  ) throws(Failure) -> [UInt8] {
    let flags = waits ? Int32(guest_read_only) : Int32(guest_read_only) | Int32(guest_nonblocking)
    let descriptor = unsafe guest_open(path, flags)
    guard descriptor >= 0 else { throw Failure("open " + path, result: Int(descriptor)) }
    defer { guest_close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe guest_read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw Failure("read " + path, result: count) }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= limit else { throw Failure("read " + path + ": too long") }
      bytes.append(contentsOf: chunk[0..<count])
    }
  }

  /// What a file holds, or nothing when it cannot be read.
  static func contents(_ path: String, limit: Int = 1 << 16) -> [UInt8] {
    do throws(Failure) { return try read(path, limit: limit) } catch { return [] }
  }

  /// Writes a text with one call, as control files want it.
  static func write(_ text: String, to path: String) throws(Failure) {
    let descriptor = unsafe guest_open(path, Int32(guest_write_only))
    guard descriptor >= 0 else {
      throw Failure("write '" + text + "' to " + path, result: Int(descriptor))
    }
    defer { guest_close(descriptor) }
    let bytes = [UInt8](text.utf8)
    let count = unsafe guest_write(descriptor, bytes, bytes.count)
    guard count == bytes.count else {
      throw Failure("write '" + text + "' to " + path, result: min(count, 0))
    }
  }

  /// What a process holds of memory, shared pages by their share, in bytes; 0 when it is unknown.
  static func proportionalMemory(of process: String) -> UInt64 {
    ByteText.value(of: "Pss:", in: contents("/proc/" + process + "/smaps_rollup")) << 10
  }

  /// The names in a directory; none when it cannot be read.
  static func list(_ path: String) -> [String] {
    var buffer = [UInt8](repeating: 0, count: 8192)
    let count = unsafe guest_list(path, &buffer, buffer.count)
    guard count > 0 else { return [] }
    var names: [String] = []
    for piece in buffer[0..<count].split(separator: UInt8(ascii: "\n")) {
      if let name = String(validating: piece, as: UTF8.self) { names.append(name) }
    }
    return names
  }

  /// Makes a directory; one that exists is fine.
  static func makeDirectory(_ path: String) throws(Failure) {
    let result = unsafe guest_make_directory(path)
    guard result >= 0 else { throw Failure("mkdir " + path, result: Int(result)) }
  }

  /// Removes an empty directory; one that is still in use is tried for `limit` nanoseconds.
  static func removeDirectory(_ path: String, limit: UInt64) throws(Failure) {
    var result: Int32 = 0
    _ = Time.poll(for: limit) { () -> Bool? in
      result = unsafe guest_remove_directory(path)
      return result == -16 ? nil : true
    }
    guard result >= 0 else { throw Failure("rmdir " + path, result: Int(result)) }
  }

  /// Whether a path exists.
  static func exists(_ path: String) -> Bool {
    unsafe guest_exists(path) != 0
  }
}
