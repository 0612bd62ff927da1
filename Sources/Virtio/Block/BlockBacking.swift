import Glibc
package import HostOS
import Synchronization
import SystemPackage

/// The bytes behind a block device: an open file, or memory, perhaps with faults on purpose.
package final class BlockBacking: Sendable {
  /// Whether writes are refused.
  package let isReadOnly: Bool
  /// What goes wrong on purpose.
  let faults: FaultInjector?
  /// The bytes in this process, for a disk in memory.
  let memory: MemoryDisk?
  /// Whether the file is read and written past the page cache.
  let isDirect: Bool
  /// Whether it can give up room; learned, and never learned back.
  private let punches = Atomic<Bool>(true)
  private let length: Atomic<UInt64>
  private let descriptor: OwnedDescriptor

  /// Takes an open regular file or block device, as long as it is now.
  ///
  /// - Throws: ``SystemCallError`` from `lseek`, `fcntl` or `fstat`.
  package convenience init(
    file: consuming OwnedDescriptor, readOnly: Bool = false, faults: FaultPlan? = nil
  ) throws(SystemCallError) {
    let raw = file.raw
    let end = try systemCall("lseek") { lseek(raw, 0, SEEK_END) }
    let flags = try systemCall("fcntl") { fcntl(raw, F_GETFL) }
    self.init(
      file, byteCount: UInt64(end), memory: nil, isDirect: flags & Self.direct != 0, readOnly,
      faults)
    var information = stat()
    try systemCall("fstat") { unsafe fstat(raw, &information) }
    // A hole after the end is no change; a file system without holes says so here already.
    if information.st_mode & S_IFMT == S_IFREG,
      VectoredIO.clear(raw, at: off_t(end), count: 4096, .punchHole) < 0
    {
      punches.store(false, ordering: .relaxed)
    }
  }

  /// Makes a zero-filled disk in memory: reads, writes and flushes are no system calls.
  ///
  /// - Throws: ``SystemCallError`` from the calls behind ``MemoryFile`` and ``Mapping``.
  package convenience init(
    memory byteCount: UInt64, readOnly: Bool = false, faults: FaultPlan? = nil
  ) throws(SystemCallError) {
    let file = try MemoryFile(name: "ktstr-disk", size: byteCount)
    let disk = try MemoryDisk(file.descriptor.raw, byteCount: byteCount)
    self.init(
      try file.descriptor.duplicate(), byteCount: byteCount, memory: disk, isDirect: false,
      readOnly, faults)
  }

  private init(
    _ descriptor: consuming OwnedDescriptor, byteCount: UInt64, memory: MemoryDisk?,
    isDirect: Bool, _ readOnly: Bool, _ faults: FaultPlan?
  ) {
    self.descriptor = descriptor
    self.memory = memory
    self.isDirect = isDirect
    length = Atomic(byteCount)
    isReadOnly = readOnly
    self.faults = faults.map(FaultInjector.init)
  }

  /// Length in bytes.
  package var byteCount: UInt64 { length.load(ordering: .acquiring) }

  /// The open file, for looking at the disk from outside.
  ///
  /// A disk in memory has one too, and what is in it is what is on the disk.
  package var rawDescriptor: CInt { descriptor.raw }

  /// Whether ranges can be given up, as far as is known.
  package var canPunchHoles: Bool { punches.load(ordering: .relaxed) }

  /// Notes that the file system refused to give up room.
  func noteNoHoles() {
    punches.store(false, ordering: .relaxed)
  }

  /// Ends injected delays, now and from now on.
  package func cancelDelays() {
    faults?.cancelDelays()
  }

  /// Gives the disk another length; what is added reads as zero.
  ///
  /// Nobody may be using what is cut off.
  ///
  /// - Throws: ``SystemCallError`` from `ftruncate` or `mmap`; the length is as before then.
  func resize(to byteCount: UInt64) throws(SystemCallError) {
    let raw = rawDescriptor
    guard let end = off_t(exactly: byteCount) else {
      throw SystemCallError("ftruncate", .fileTooLarge)
    }
    let old = self.byteCount
    if let memory {
      // The file of a disk in memory never shrinks, because somebody may map it.
      if byteCount > old {
        if byteCount > memory.byteCount { try systemCall("ftruncate") { ftruncate(raw, end) } }
        try memory.grow(raw, to: byteCount)
      } else if byteCount < old {
        _ = VectoredIO.clear(raw, at: end, count: off_t(clamping: old - byteCount), .punchHole)
      }
    } else {
      try systemCall("ftruncate") { ftruncate(raw, end) }
    }
    // What lies behind the last whole sector was never the disk's, and must not become so.
    let sector = UInt64(BlockFraming.sectorSize)
    let rest = old % sector
    if rest > 0 && byteCount / sector > old / sector {
      try clear(off_t(clamping: old - rest), off_t(clamping: rest), end: end)
    }
    length.store(byteCount, ordering: .releasing)
  }

  /// Makes bytes of the file zero, up to where it ended before.
  private func clear(_ start: off_t, _ count: off_t, end: off_t) throws(SystemCallError) {
    let raw = rawDescriptor
    guard VectoredIO.clear(raw, at: start, count: count, .punchHole) < 0 else { return }
    // A file that may not shrink is one of memory, and those have holes.
    try systemCall("ftruncate") { ftruncate(raw, start) }
    try systemCall("ftruncate") { ftruncate(raw, end) }
  }

  /// Inverts one byte of the disk.
  func invertStoredByte(at position: UInt64) {
    guard let place = off_t(exactly: position) else { return }
    var byte: UInt8 = 0
    guard unsafe pread(rawDescriptor, &byte, 1, place) == 1 else { return }
    byte = ~byte
    unsafe _ = pwrite(rawDescriptor, &byte, 1, place)
  }

  // fcntl.h on x86-64 and most others: O_DIRECT, which hides behind _GNU_SOURCE.
  private static let direct: CInt = 0o40000
}
