import Glibc
package import HostOS
import SystemPackage

/// A pipe, socket or terminal that takes what the guest writes, straight from guest memory.
///
/// When it is full, the guest waits. When its reader is gone, it is closed.
package final class DescriptorSink: ConsoleSink {
  private let descriptor: OwnedDescriptor

  /// Takes over an open descriptor and makes it non-blocking, for all who share the open file.
  ///
  /// SIGPIPE must be ignored or blocked where it is used.
  ///
  /// - Throws: ``SystemCallError`` from `fcntl`.
  package init(_ descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
    try makeNonBlocking(descriptor.raw)
    self.descriptor = descriptor
  }

  package func take(
    _ buffers: inout ReadableBuffers, from offset: Int, wake: QueueWake
  ) -> ConsoleTransfer {
    do throws(BufferError) {
      let count = try buffers.write(to: descriptor.raw, from: offset)
      return count > 0 ? .moved(count) : .closed
    } catch {
      guard error.isWouldBlock, wake.arm(writable: descriptor.raw) else { return .closed }
      return .later
    }
  }

  package func takeEmergency(_ byte: UInt8) -> Bool {
    let raw = descriptor.raw
    var byte = byte
    let count = try? systemCall("write") { unsafe write(raw, &byte, 1) }
    return count == 1
  }
}

/// A pipe, socket or terminal whose bytes the guest reads, straight into guest memory.
///
/// Bytes stay in it until the guest has room for them. Its end closes the source.
package final class DescriptorSource: ConsoleSource {
  private let descriptor: OwnedDescriptor

  /// Takes over an open descriptor and makes it non-blocking, for all who share the open file.
  ///
  /// - Throws: ``SystemCallError`` from `fcntl`.
  package init(_ descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
    try makeNonBlocking(descriptor.raw)
    self.descriptor = descriptor
  }

  package func fill(_ buffers: inout WritableBuffers, wake: QueueWake) -> ConsoleTransfer {
    do throws(BufferError) {
      let count = try buffers.read(from: descriptor.raw)
      return count > 0 ? .moved(count) : .closed
    } catch {
      guard error.isWouldBlock, wake.arm(readable: descriptor.raw) else { return .closed }
      return .later
    }
  }
}

private func makeNonBlocking(_ raw: CInt) throws(SystemCallError) {
  let flags = try systemCall("fcntl") { fcntl(raw, F_GETFL) }
  try systemCall("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
}

extension BufferError {
  fileprivate var isWouldBlock: Bool {
    guard case .system(let error) = self else { return false }
    return error.errno == .wouldBlock
  }
}
