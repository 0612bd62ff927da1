import Boot
import Glibc
import HostOS
import SystemPackage

/// A kernel image, open and mapped: its headers are looked at in place, its bytes copied from it.
struct KernelFile: ~Copyable {
  let path: String
  let descriptor: OwnedDescriptor
  private let mapping: Mapping

  /// Opens an image.
  ///
  /// - Throws: ``MachineError/host(doing:_:)``.
  init(_ path: String) throws(MachineError) {
    self.path = path
    let descriptor = try MachineError.naming("opening the kernel") {
      () throws(SystemCallError) in try Files.open(path, O_RDONLY)
    }
    let raw = descriptor.raw
    mapping = try MachineError.naming("mapping the kernel") { () throws(SystemCallError) in
      let size = try systemCall("lseek", on: path) { lseek(raw, 0, SEEK_END) }
      return try Mapping(sharing: raw, offset: 0, count: Int(size), writable: false)
    }
    self.descriptor = descriptor
  }

  /// Plans its boot.
  ///
  /// An image that is cut short meanwhile raises SIGBUS, which ends this process as an error of the
  /// run: whoever can do that can also write over it.
  ///
  /// - Throws: ``MachineError/boot(_:)``.
  func plan(_ order: BootOrder, entry: BootProtocol) throws(MachineError) -> BootPlan {
    do {
      return try unsafe BootPlan(
        Span(
          _unsafeBytes: UnsafeRawBufferPointer(start: mapping.unsafeBase, count: mapping.count)),
        order: order, entry: entry)
    } catch {
      throw .boot(error)
    }
  }
}
