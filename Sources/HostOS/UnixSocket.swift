import CLinux
import Glibc
import SystemPackage

/// Descriptors that came over a socket; those not taken are closed.
package struct ReceivedDescriptors: ~Copyable {
  private var waiting: [CInt] = []

  /// Makes an empty list.
  package init() {}

  deinit {
    for raw in waiting { _ = Glibc.close(raw) }
  }

  /// How many are still here.
  package var count: Int { waiting.count }

  /// Takes the first one that is left.
  package mutating func take() -> OwnedDescriptor? {
    waiting.isEmpty ? nil : OwnedDescriptor(owning: waiting.removeFirst())
  }

  /// Closes all that are left.
  package mutating func removeAll() {
    for raw in waiting { _ = Glibc.close(raw) }
    waiting.removeAll(keepingCapacity: true)
  }

  mutating func append(_ raw: CInt) {
    waiting.append(raw)
  }
}

/// Connected UNIX stream sockets, which can carry descriptors.
package enum UnixSocket {
  /// Two ends of one connection.
  package struct Pair: ~Copyable {
    private var first: OwnedDescriptor?
    private var second: OwnedDescriptor?

    fileprivate init(_ first: CInt, _ second: CInt) {
      self.first = OwnedDescriptor(owning: first)
      self.second = OwnedDescriptor(owning: second)
    }

    /// Takes one end; nil when it was taken before.
    package mutating func takeFirst() -> OwnedDescriptor? { first.take() }

    /// Takes the other end; nil when it was taken before.
    package mutating func takeSecond() -> OwnedDescriptor? { second.take() }
  }

  /// What one receive brought.
  package enum Arrival: Equatable {
    /// This many bytes.
    case bytes(Int)
    /// Nothing for now; only where the caller does not wait.
    case nothing
    /// The peer closed its end.
    case end
    /// The peer sent more descriptors than we take; those that came were closed.
    case tooManyDescriptors
  }

  /// Makes a connected pair.
  ///
  /// - Throws: ``SystemCallError`` from `socketpair`.
  package static func pair() throws(SystemCallError) -> Pair {
    var ends: (CInt, CInt) = (-1, -1)
    try systemCall("socketpair") {
      unsafe withUnsafeMutablePointer(to: &ends) { pointer in
        unsafe pointer.withMemoryRebound(to: CInt.self, capacity: 2) {
          unsafe ktstr_socketpair($0)
        }
      }
    }
    return Pair(ends.0, ends.1)
  }

  /// Sends bytes, with descriptors attached to the first of them; returns how many bytes went.
  ///
  /// A peer that is gone is an error (`EPIPE`), never a signal.
  ///
  /// - Throws: ``SystemCallError`` from `sendmsg`.
  package static func send(
    _ bytes: RawSpan, over socket: CInt, descriptors: [CInt] = [], waits: Bool = true
  ) throws(SystemCallError) -> Int {
    try systemCall("sendmsg") {
      unsafe bytes.withUnsafeBytes { buffer in
        unsafe descriptors.withUnsafeBufferPointer { list in
          unsafe ktstr_send_with_fds(
            socket, buffer.baseAddress, buffer.count, list.baseAddress, list.count, waits ? 0 : 1)
        }
      }
    }
  }

  /// Receives at most as many bytes as there is room for, and the descriptors that come with them.
  ///
  /// - Throws: ``SystemCallError`` from `recvmsg`.
  package static func receive(
    into room: inout MutableRawSpan, over socket: CInt,
    descriptors: inout ReceivedDescriptors, waits: Bool = true
  ) throws(SystemCallError) -> Arrival {
    var list = [CInt](repeating: -1, count: Int(ktstr_socket_max_fds))
    var count = 0
    var truncated: CInt = 0
    let got: Int
    do throws(SystemCallError) {
      got = try systemCall("recvmsg") {
        unsafe room.withUnsafeMutableBytes { buffer in
          unsafe ktstr_receive_with_fds(
            socket, buffer.baseAddress, buffer.count, &list, &count, &truncated, waits ? 0 : 1)
        }
      }
    } catch {
      switch error.errno {
      case .wouldBlock: return .nothing
      // The peer went without reading all that we sent.
      case .connectionReset: return .end
      default: throw error
      }
    }
    for raw in list.prefix(count) { descriptors.append(raw) }
    if truncated != 0 {
      descriptors.removeAll()
      return .tooManyDescriptors
    }
    return got == 0 ? .end : .bytes(got)
  }
}
