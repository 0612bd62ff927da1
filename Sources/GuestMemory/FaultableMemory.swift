import CLinux

// Raw pointers of this file: nothing is proved of them, which is what it is for.

/// Copies where pages may be missing on either side.
@unsafe
enum FaultableMemory {
  /// Makes faults catchable and refuses what no process can have memory in.
  ///
  /// - Throws: ``CursorError/notUserMemory(hostAddress:count:)``, `noFaultHandler`.
  static func prepare(_ start: UnsafeRawPointer?, _ count: Int) throws(CursorError) {
    let address = UInt(bitPattern: start)
    let (end, overflow) = address.addingReportingOverflow(UInt(count))
    guard unsafe !overflow && end <= endOfUserMemory else {
      throw .notUserMemory(hostAddress: address, count: count)
    }
    guard ktstr_faults_install() == 0 else { throw .noFaultHandler }
  }

  /// Copies upwards until all is moved or one side faults.
  ///
  /// Where the target lies ahead of the source and they overlap, bytes repeat: a copy downwards
  /// could not say how many bytes from the start on were moved.
  static func copy(
    from source: UnsafeRawPointer?, to target: UnsafeMutableRawPointer?, count: Int
  ) -> CopyEnd {
    guard count > 0, let source = unsafe source, let target = unsafe target else {
      return CopyEnd(moved: 0, faultAddress: nil)
    }
    return CopyEnd(unsafe ktstr_try_copy(target, source, count), of: count)
  }

  /// Zeroes upwards until all is done or the target faults.
  static func zero(_ target: UnsafeMutableRawPointer?, count: Int) -> CopyEnd {
    guard count > 0, let target = unsafe target else {
      return CopyEnd(moved: 0, faultAddress: nil)
    }
    return CopyEnd(unsafe ktstr_try_fill(target, 0, count), of: count)
  }

  // x86-64 with four levels of page tables; the kernel hands out more on request only.
  private static let endOfUserMemory: UInt = 0x7fff_ffff_f000
}

/// How a copy ended.
struct CopyEnd {
  /// Bytes that were moved.
  let moved: Int
  /// Where it faulted; nil when it did not.
  let faultAddress: UInt?

  init(moved: Int, faultAddress: UInt?) {
    self.moved = moved
    self.faultAddress = faultAddress
  }

  init(_ end: ktstr_copy_end, of count: Int) {
    moved = count - end.left
    faultAddress = end.left == 0 ? nil : end.fault
  }

  /// How many bytes were moved.
  ///
  /// - Throws: ``CursorError/fault(completed:hostAddress:)``.
  func get() throws(CursorError) -> Int {
    if let faultAddress { throw .fault(completed: moved, hostAddress: faultAddress) }
    return moved
  }
}
