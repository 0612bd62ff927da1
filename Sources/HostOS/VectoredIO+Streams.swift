package import Glibc

extension VectoredIO {
  /// Reads once where the descriptor stands, into as many of the buffers as one call takes; returns
  /// the bytes read, or minus the errno.
  ///
  /// For pipes, sockets and terminals. Interrupted calls are repeated.
  @inline(never)
  @unsafe package static func read(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, count: Int
  ) -> Int {
    while true {
      let got = unsafe readv(descriptor, buffers, CInt(min(count, maximumBufferCount)))
      if got >= 0 { return got }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Writes once where the descriptor stands, from as many of the buffers as one call takes;
  /// returns the bytes written, or minus the errno.
  ///
  /// For pipes, sockets and terminals. Interrupted calls are repeated.
  @inline(never)
  @unsafe package static func write(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, count: Int
  ) -> Int {
    while true {
      let put = unsafe writev(descriptor, buffers, CInt(min(count, maximumBufferCount)))
      if put >= 0 { return put }
      let code = Glibc.errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Buffers that one call takes.
  ///
  /// C name: `IOV_MAX`.
  package static let maximumBufferCount = 1024
}
