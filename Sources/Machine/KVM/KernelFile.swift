import Boot
import Glibc
import HostOS
import SystemPackage

/// A kernel image, open: its headers are read one by one, its bytes copied by the host's kernel.
struct KernelFile: ~Copyable {
  let path: String
  let descriptor: OwnedDescriptor
  private let size: UInt64

  /// Opens an image.
  ///
  /// - Throws: ``MachineError/host(doing:_:)``.
  init(_ path: String) throws(MachineError) {
    self.path = path
    let descriptor = try MachineError.naming("opening the kernel") {
      () throws(SystemCallError) in try Files.open(path, O_RDONLY)
    }
    let raw = descriptor.raw
    size = try MachineError.naming("opening the kernel") { () throws(SystemCallError) in
      UInt64(try systemCall("lseek", on: path) { lseek(raw, 0, SEEK_END) })
    }
    self.descriptor = descriptor
  }

  /// Plans its boot.
  ///
  /// - Throws: ``MachineError/boot(_:)``.
  func plan(_ request: BootRequest) throws(MachineError) -> BootPlan {
    let raw = descriptor.raw
    let path = path
    let source = KernelSource(size: size) { offset, count in
      var bytes = [UInt8](repeating: 0, count: count)
      guard let start = off_t(exactly: offset) else {
        throw SystemCallError("pread", .invalidArgument, subject: path)
      }
      let got = try systemCall("pread", on: path) { unsafe pread(raw, &bytes, count, start) }
      return Array(bytes.prefix(got))
    }
    do {
      return try BootPlan(kernel: source, request)
    } catch {
      throw .boot(error)
    }
  }
}
