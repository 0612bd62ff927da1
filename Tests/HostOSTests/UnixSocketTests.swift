import Glibc
import HostOS
import SystemPackage
import Testing

@Suite struct UnixSocketTests {
  private struct NoPair: Error {}

  @Test func `bytes and descriptors arrive together and stay with their message`() throws {
    var pair = try UnixSocket.pair()
    guard let left = pair.takeFirst(), let right = pair.takeSecond() else { throw NoPair() }
    let event = try EventFD()
    let message: [UInt8] = [1, 2, 3, 4]
    #expect(try UnixSocket.send(message.span.bytes, over: left.raw, descriptors: [event.raw]) == 4)
    #expect(try UnixSocket.send(message.span.bytes, over: left.raw) == 4)

    var descriptors = ReceivedDescriptors()
    #expect(try receive(2, from: right.raw, &descriptors) == [1, 2])
    #expect(descriptors.count == 1)
    let received = descriptors.take()
    #expect(try receive(6, from: right.raw, &descriptors) == [3, 4, 1, 2, 3, 4])
    #expect(descriptors.count == 0)

    guard let received else { throw NoPair() }
    #expect(received.raw != event.raw)
    #expect(fcntl(received.raw, F_GETFD) & FD_CLOEXEC != 0)
    EventFD.signal(received.raw)
    #expect(event.drain() == 1)
  }

  @Test func `descriptors that nobody takes are closed`() throws {
    var pair = try UnixSocket.pair()
    guard let left = pair.takeFirst(), let right = pair.takeSecond() else { throw NoPair() }
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    let byte: [UInt8] = [0]
    _ = try UnixSocket.send(byte.span.bytes, over: left.raw, descriptors: [ends[1], ends[1]])
    close(ends[1])
    do {
      var descriptors = ReceivedDescriptors()
      #expect(try receive(1, from: right.raw, &descriptors) == [0])
      #expect(descriptors.count == 2)
      // The write side is open through them: the pipe has no end yet.
      #expect(try !Poll.wait(readable: ends[0], timeoutNanoseconds: 0))
    }
    #expect(try Poll.wait(readable: ends[0], timeoutNanoseconds: 1_000_000_000))
    close(ends[0])
  }

  @Test func `an empty socket, a closed peer and a full one are told apart`() throws {
    var pair = try UnixSocket.pair()
    guard let left = pair.takeFirst() else { throw NoPair() }
    var right = pair.takeSecond()
    var descriptors = ReceivedDescriptors()
    var room = [UInt8](repeating: 0, count: 16)
    do {
      var span = room.mutableSpan
      var bytes = span.mutableBytes
      #expect(
        try UnixSocket.receive(
          into: &bytes, over: left.raw, descriptors: &descriptors, waits: false) == .nothing)
    }
    let block = [UInt8](repeating: 0, count: 65_536)
    #expect(throws: SystemCallError("sendmsg", .wouldBlock)) {
      for _ in 0..<1000 {
        _ = try UnixSocket.send(block.span.bytes, over: left.raw, waits: false)
      }
    }
    right = nil
    _ = right
    var span = room.mutableSpan
    var bytes = span.mutableBytes
    #expect(
      try UnixSocket.receive(
        into: &bytes, over: left.raw, descriptors: &descriptors, waits: false) == .end)
    #expect(throws: SystemCallError("sendmsg", .brokenPipe)) {
      _ = try UnixSocket.send(block.span.bytes, over: left.raw)
    }
  }

  private func receive(
    _ count: Int, from socket: CInt, _ descriptors: inout ReceivedDescriptors
  ) throws -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      var chunk = [UInt8](repeating: 0, count: count - result.count)
      var span = chunk.mutableSpan
      var bytes = span.mutableBytes
      guard
        case .bytes(let got) = try UnixSocket.receive(
          into: &bytes, over: socket, descriptors: &descriptors)
      else { break }
      result += chunk.prefix(got)
    }
    return result
  }
}
