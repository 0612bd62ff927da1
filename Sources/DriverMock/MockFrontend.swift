package import GuestMemory
package import HostOS

/// The frontend's half of vhost-user, written from the specification, with the memory of one guest.
///
/// It behaves as a frontend should, and lets a test misbehave through raw messages. Every wait is
/// bounded.
package final class MockFrontend {
  /// An answer of the backend.
  package struct Reply {
    package var request: UInt32
    package var flags: UInt32
    package var payload: [UInt8]

    /// The first eight bytes as a number.
    package var value: UInt64 { number(payload, at: 0, count: 8) }
  }

  /// What did not go as it should.
  package struct Failure: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }
  }

  /// The descriptors of one ring.
  package final class Events {
    package let kick: EventFD
    package let call: EventFD
    package let error: EventFD

    init() throws {
      kick = try EventFD()
      call = try EventFD()
      error = try EventFD()
    }
  }

  /// Where the frontend itself has the guest's memory, as it tells the backend.
  package static let userBase: UInt64 = 0x7f12_3400_0000
  package static let protocolFeaturesBit: UInt64 = 1 << 30
  package static let logAllBit: UInt64 = 1 << 26
  package static let defaultMemorySize: UInt64 = 0x20_0000

  package let file: MemoryFile
  package let memory: GuestMemoryMap
  package let events: [Events]
  package let memorySize: UInt64
  /// What was agreed on; zero before.
  package internal(set) var features: UInt64 = 0
  package var protocolFeatures: UInt64 = 0
  /// Descriptors that came with the last answer.
  package private(set) var received = ReceivedDescriptors()
  package private(set) var socket: OwnedDescriptor?
  private let patience: UInt64

  /// Takes a connected socket and makes the guest's memory.
  package init(
    socket: consuming OwnedDescriptor, queueCount: Int = 1,
    memorySize: UInt64 = MockFrontend.defaultMemorySize,
    patienceNanoseconds: UInt64 = 30_000_000_000
  ) throws {
    self.socket = consume socket
    self.memorySize = memorySize
    patience = patienceNanoseconds
    file = try MemoryFile(name: "guest", size: memorySize)
    memory = try GuestMemoryMap([
      try GuestRegion(
        mapping: file.descriptor.raw, fileOffset: 0, at: GuestAddress(0), size: memorySize)
    ])
    events = try (0..<queueCount).map { _ in try Events() }
  }

  /// Connects to a listening backend.
  package convenience init(
    connectingTo path: String, queueCount: Int = 1,
    memorySize: UInt64 = MockFrontend.defaultMemorySize
  ) throws {
    try self.init(
      socket: try UnixSocket.connect(to: path), queueCount: queueCount, memorySize: memorySize)
  }

  /// The kick of the first ring.
  package var kick: EventFD { _read { yield events[0].kick } }
  /// The call of the first ring.
  package var call: EventFD { _read { yield events[0].call } }
  /// The error of the first ring.
  package var error: EventFD { _read { yield events[0].error } }

  /// Closes the connection.
  package func hangUp() {
    socket = nil
  }

  /// Goes on over another connection, with the same guest.
  package func reconnect(_ socket: consuming OwnedDescriptor) {
    self.socket = consume socket
    features = 0
    protocolFeatures = 0
  }

  // MARK: Messages

  /// Sends bytes as they are.
  package func sendRaw(_ bytes: [UInt8], descriptors: [CInt] = []) throws {
    guard let raw = socket?.raw else { throw Failure(description: "hung up") }
    let sent = unsafe try UnixSocket.send(bytes.span.bytes, over: raw, descriptors: descriptors)
    guard sent == bytes.count else { throw Failure(description: "sent \(sent)") }
  }

  /// Sends one message.
  package func send(
    _ request: UInt32, _ payload: [UInt8] = [], descriptors: [CInt] = [], flags: UInt32 = 1
  ) throws {
    try sendRaw(
      littleEndian(request) + littleEndian(flags) + littleEndian(UInt32(payload.count)) + payload,
      descriptors: descriptors)
  }

  /// Waits for one message.
  package func receive() throws -> Reply {
    received.removeAll()
    guard let raw = socket?.raw else { throw Failure(description: "hung up") }
    return try Self.receive(over: raw, &received, patience)
  }

  /// Waits for one message on any socket, such as that of the backend's own requests.
  package static func receive(
    over raw: CInt, _ descriptors: inout ReceivedDescriptors, _ patience: UInt64 = 30_000_000_000
  ) throws -> Reply {
    let header = try receive(12, over: raw, &descriptors, patience)
    return Reply(
      request: UInt32(number(header, at: 0, count: 4)),
      flags: UInt32(number(header, at: 4, count: 4)),
      payload: try receive(
        Int(number(header, at: 8, count: 4)), over: raw, &descriptors, patience))
  }

  /// Whether nothing comes from the backend for a time.
  package func isSilent(nanoseconds: UInt64) throws -> Bool {
    guard let raw = socket?.raw else { return true }
    return try !Poll.wait(readable: raw, timeoutNanoseconds: nanoseconds)
  }

  private static func receive(
    _ count: Int, over raw: CInt, _ descriptors: inout ReceivedDescriptors, _ patience: UInt64
  ) throws -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      guard try Poll.wait(readable: raw, timeoutNanoseconds: patience) else {
        throw Failure(description: "no message in \(patience / 1_000_000) ms")
      }
      var chunk = [UInt8](repeating: 0, count: count - result.count)
      let arrival: UnixSocket.Arrival
      do {
        var span = chunk.mutableSpan
        var room = unsafe span.mutableBytes
        arrival = try UnixSocket.receive(into: &room, over: raw, descriptors: &descriptors)
      }
      guard case .bytes(let got) = arrival else { throw Failure(description: "closed") }
      result += chunk.prefix(got)
    }
    return result
  }

  /// Sends a question and waits for its answer.
  package func ask(
    _ request: UInt32, _ payload: [UInt8] = [], descriptors: [CInt] = [], flags: UInt32 = 1
  ) throws -> Reply {
    try send(request, payload, descriptors: descriptors, flags: flags)
    let reply = try receive()
    guard reply.request == request, reply.flags == 5 else {
      throw Failure(description: "\(reply) for \(request)")
    }
    return reply
  }

  /// Sends with need_reply; whether the backend agreed.
  package func agreed(
    _ request: UInt32, _ payload: [UInt8] = [], descriptors: [CInt] = []
  ) throws -> Bool {
    let reply = try ask(request, payload, descriptors: descriptors, flags: 9)
    guard reply.payload.count == 8 else {
      throw Failure(description: "\(reply) for \(request)")
    }
    return reply.value == 0
  }

  /// Sends with need_reply where that was negotiated, and insists on success.
  package func insist(
    _ request: UInt32, _ payload: [UInt8] = [], descriptors: [CInt] = []
  ) throws {
    guard protocolFeatures & 1 << 3 != 0 else {
      return try send(request, payload, descriptors: descriptors)
    }
    guard try agreed(request, payload, descriptors: descriptors) else {
      throw Failure(description: "request \(request) was refused")
    }
  }

  /// Makes sure that the backend has handled everything sent so far.
  package func settle() throws {
    _ = try ask(1)
  }

  /// Takes the first descriptor that came with the last answer.
  package func takeDescriptor() throws -> OwnedDescriptor {
    guard let descriptor = received.take() else {
      throw Failure(description: "no descriptor came")
    }
    return descriptor
  }

  /// Waits for the call of a ring and returns the answers.
  package func awaitUsed(_ driver: MockDriver, ring: Int = 0) throws -> [MockDriver.Used] {
    guard try Poll.wait(readable: events[ring].call.raw, timeoutNanoseconds: patience) else {
      throw Failure(description: "no call in \(patience / 1_000_000) ms")
    }
    _ = events[ring].call.drain()
    return try driver.collect()
  }
}

/// A little-endian number in bytes; missing bytes are zero.
private func number(_ bytes: [UInt8], at offset: Int, count: Int) -> UInt64 {
  (0..<count).reduce(0) { value, index in
    let place = offset + index
    return value | (place < bytes.count ? UInt64(bytes[place]) << (8 * UInt64(index)) : 0)
  }
}
