package import Glibc

/// Positioned I/O on lists of buffers, without the generic wrapper's cost of a call.
package enum VectoredIO {
  /// Reads once, into as many of the buffers as one call takes; returns the bytes read, or minus
  /// the errno.
  ///
  /// Interrupted calls are repeated.
  @inline(never)
  @unsafe package static func read(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, count: Int, at offset: off_t
  ) -> Int {
    while true {
      let got = unsafe preadv(descriptor, buffers, CInt(min(count, limit)), offset)
      if got >= 0 { return got }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Writes once, from as many of the buffers as one call takes; returns the bytes written, or
  /// minus the errno.
  ///
  /// Interrupted calls are repeated.
  @inline(never)
  @unsafe package static func write(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, count: Int, at offset: off_t
  ) -> Int {
    while true {
      let put = unsafe pwritev(descriptor, buffers, CInt(min(count, limit)), offset)
      if put >= 0 { return put }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Makes what was written to the file stable; zero, or minus the errno.
  @inline(never)
  package static func synchronizeData(_ descriptor: CInt) -> Int {
    while true {
      if fdatasync(descriptor) == 0 { return 0 }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  // limits.h: IOV_MAX.
  private static let limit = 1024
}
