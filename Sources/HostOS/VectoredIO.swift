package import Glibc

/// Positioned I/O on lists of buffers, without the generic wrapper's cost of a call.
///
/// All calls return what the kernel said in one number: a count of bytes (or zero), or minus the
/// errno. Interrupted calls are repeated.
package enum VectoredIO {
  /// Reads once, into as many of the buffers as one call takes.
  @inline(never)
  @unsafe package static func read(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, count: Int, at offset: off_t
  ) -> Int {
    while true {
      // One buffer is the common case, and the plain call is the cheaper one.
      let got =
        unsafe count == 1
        ? pread(descriptor, buffers.pointee.iov_base, buffers.pointee.iov_len, offset)
        : preadv(descriptor, buffers, CInt(min(count, limit)), offset)
      if got >= 0 { return got }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Writes once, from as many of the buffers as one call takes.
  ///
  /// - Parameter stable: whether the bytes must be on stable storage before the call is done.
  @inline(never)
  @unsafe package static func write(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, count: Int, at offset: off_t,
    stable: Bool = false
  ) -> Int {
    while true {
      let put =
        unsafe count == 1 && !stable
        ? pwrite(descriptor, buffers.pointee.iov_base, buffers.pointee.iov_len, offset)
        : writeOnce(descriptor, buffers, CInt(min(count, limit)), offset, stable: stable)
      if put >= 0 { return put }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Makes what was written to the file stable.
  @inline(never)
  package static func synchronizeData(_ descriptor: CInt) -> Int {
    while true {
      if fdatasync(descriptor) == 0 { return 0 }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// How a range of a file is made to read as zero.
  package enum Clearing: Sendable {
    /// Its room on the file system is given up.
    case punchHole
    /// It keeps its room.
    case zeroRange
  }

  /// Makes a range of a file read as zero, where the file system can.
  @inline(never)
  package static func clear(
    _ descriptor: CInt, at offset: off_t, count: off_t, _ clearing: Clearing
  ) -> Int {
    while true {
      if allocate(descriptor, clearing.mode, offset, count) == 0 { return 0 }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Buffers that one call takes (limits.h: `IOV_MAX`).
  package static let limit = 1024
}
