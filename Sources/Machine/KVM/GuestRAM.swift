import Boot
import Glibc
import GuestMemory
import HostOS
import SystemPackage

/// A guest's RAM: one file in memory, mapped here where devices look at it, filled through the file.
///
/// Nothing of it exists before it is written, by us or by the guest. The kernel and the initramfs
/// are copied by the host's kernel from file to file, which neither maps nor clears a page first.
final class GuestRAM: Sendable {
  let layout: PhysicalMemory
  let map: GuestMemoryMap
  /// Why there are no huge pages though they were asked for; nil where all is well.
  let warning: String?
  private let file: MemoryFile

  /// Makes RAM full of zeroes.
  ///
  /// - Parameter hasHugePages: asks for them; without them the guest is slower and runs the same.
  /// - Throws: ``MachineError/host(doing:_:)`` or ``MachineError/memory(_:)``.
  init(_ layout: PhysicalMemory, hasHugePages: Bool = false) throws(MachineError) {
    let file = try MachineError.naming("making the guest's memory") { () throws(SystemCallError) in
      try MemoryFile(name: "ktstr-guest", size: layout.bytes)
    }
    do throws(GuestMemoryError) {
      var regions: [GuestRegion] = []
      for slot in layout.slots {
        regions.append(
          try GuestRegion(
            mapping: file.descriptor.raw, fileOffset: slot.fileOffset,
            at: GuestAddress(slot.range.lowerBound), size: UInt64(slot.range.count)))
      }
      map = try GuestMemoryMap(regions)
    } catch {
      throw .memory("\(error)")
    }
    warning = hasHugePages ? HugePages.request(for: map) : nil
    self.layout = layout
    self.file = file
  }

  /// The descriptor of the file, for who shares the memory.
  var descriptor: CInt { file.descriptor.raw }

  /// Writes bytes; the addresses lie in RAM.
  func write(_ bytes: [UInt8], at address: UInt64) throws(MachineError) {
    do {
      try map.write(bytes, at: GuestAddress(address))
    } catch {
      throw .memory("\(error)")
    }
  }

  /// Has the kernel put into huge pages what is going to be written, where it can.
  ///
  /// Neither a kernel that cannot nor memory in pieces is an error: the guest only starts later.
  func makeHuge(_ addresses: Range<UInt64>) {
    for region in map.regions { try? HugePages.make(addresses, of: region) }
  }

  /// Copies a part of a file to an address, whose bytes lie in one stretch of RAM.
  ///
  /// - Parameter name: the file's, for messages.
  func copy(
    _ source: CInt, _ part: Range<UInt64>, to address: UInt64, named name: String
  ) throws(MachineError) {
    let addresses = address..<address + UInt64(part.count)
    guard let place = layout.fileOffset(of: addresses), let start = off_t(exactly: part.lowerBound),
      let target = off_t(exactly: place)
    else { throw .memory("\(name) does not lie in the guest's memory") }
    let out = descriptor
    try MachineError.naming("copying \(name) to the guest") { () throws(SystemCallError) in
      try systemCall("lseek") { lseek(out, target, SEEK_SET) }
      try systemCall("lseek", on: name) { lseek(source, start, SEEK_SET) }
      let size = UInt64(part.count)
      guard try DescriptorIO.copy(source, to: out, atMost: size, subject: name) == size else {
        throw SystemCallError("sendfile", .ioError, subject: "\(name), which became shorter")
      }
    }
  }
}
