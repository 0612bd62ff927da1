import Glibc
import HostOS

/// The whole initramfs in a file without a name.
struct InitramfsFile: ~Copyable {
  private let file: MemoryFile

  /// Puts archives one behind the other, as the kernel unpacks them.
  ///
  /// - Throws: ``MachineError/host(doing:_:)``.
  init(parts: [String], tail: [UInt8]) throws(MachineError) {
    file = try MachineError.naming("putting the initramfs together") {
      () throws(SystemCallError) in
      var content: [UInt8] = []
      for part in parts { content += try Files.read(part, limit: 1 << 30) }
      content += tail
      let file = try MemoryFile(name: "ktstr-initramfs", size: 0)
      try DescriptorIO.write(content, to: file.descriptor.raw, subject: "the initramfs")
      return file
    }
  }

  var raw: CInt { file.descriptor.raw }
}
