import Glibc
import HostOS
import SystemPackage

/// The archives of an initramfs, open, so that their sizes hold until they are copied.
struct InitramfsParts: ~Copyable {
  private let files: [File]
  private let tail: [UInt8]

  private final class File {
    let path: String
    let descriptor: OwnedDescriptor
    let size: UInt64

    init(_ path: String) throws(SystemCallError) {
      self.path = path
      descriptor = try Files.open(path, O_RDONLY)
      let raw = descriptor.raw
      size = UInt64(try systemCall("lseek", on: path) { lseek(raw, 0, SEEK_END) })
    }
  }

  /// Opens archives.
  ///
  /// - Parameter tail: comes behind them.
  /// - Throws: ``MachineError/host(doing:_:)``.
  init(_ paths: [String], tail: [UInt8]) throws(MachineError) {
    files = try MachineError.naming("opening the initramfs") { () throws(SystemCallError) in
      var files: [File] = []
      for path in paths { files.append(try File(path)) }
      return files
    }
    self.tail = tail
  }

  /// Bytes in all; the sum of sizes that no memory holds is the largest number, which none holds.
  var byteCount: UInt64 {
    files.reduce(UInt64(tail.count)) { sum, file in
      let (bytes, overflow) = sum.addingReportingOverflow(file.size)
      return overflow ? .max : bytes
    }
  }

  /// Copies them one behind the other, as the kernel unpacks them.
  ///
  /// - Throws: ``MachineError``.
  func copy(to address: UInt64, in ram: GuestRAM) throws(MachineError) {
    var place = address
    for file in files {
      try ram.copy(file.descriptor.raw, 0..<file.size, to: place, named: file.path)
      place += file.size
    }
    if !tail.isEmpty { try ram.write(tail, at: place) }
  }
}
