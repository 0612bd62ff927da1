import Glibc
import HostOS

/// The whole initramfs in one file without a name that this machine can rely on.
struct InitramfsFile: ~Copyable {
  private let file: OwnedDescriptor

  /// Puts archives one behind the other, as the kernel unpacks them.
  ///
  /// One archive alone, with nothing to put behind it, is used where it is: it may be large.
  ///
  /// - Throws: ``MachineError/host(doing:_:)``.
  init(parts: [String], tail: [UInt8]) throws(MachineError) {
    file = try MachineError.naming("putting the initramfs together") {
      () throws(SystemCallError) in
      if tail.isEmpty, parts.count == 1, let only = parts.first {
        return try Files.open(only, O_RDONLY)
      }
      let file = try MemoryFile(name: "ktstr-initramfs", size: 0).descriptor.duplicate()
      for part in parts {
        let source = try Files.open(part, O_RDONLY)
        _ = try DescriptorIO.copy(source.raw, to: file.raw, subject: part)
      }
      try DescriptorIO.write(tail, to: file.raw, subject: "the initramfs")
      return file
    }
  }

  var raw: CInt { file.raw }
}
