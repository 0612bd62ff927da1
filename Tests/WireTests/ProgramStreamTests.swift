import Testing
import Wire

@Suite struct ProgramStreamTests {
  private static let events: [ProgramEvent] = [
    .output(.standardOutput, []), .output(.standardError, [0, 1, 0xff]),
    .output(.standardOutput, [UInt8](repeating: 7, count: ProgramEvent.maximumOutput)),
    .ended(.exited(0)), .ended(.exited(255)), .ended(.signaled(9)), .ended(.notStarted(errno: 8)),
  ]
  private static let orders: [ProgramOrder] = [
    .input([0]), .input([UInt8](repeating: 9, count: ProgramOrder.maximumInput)), .inputEnded,
    .outputClosed(.standardOutput), .outputClosed(.standardError),
  ]

  @Test func `what is told of a program comes back as it was, among other events`() throws {
    var reader = FrameReader()
    for (index, event) in Self.events.enumerated() {
      reader.append(event.frame(sequence: UInt32(2 * index)).encoded())
      reader.append(Event.log("x").frame(sequence: UInt32(2 * index + 1)).encoded())
    }
    var found: [ProgramEvent] = []
    var logs = 0
    while let reading = reader.next() {
      guard case .frame(let frame) = reading else {
        Issue.record("\(reading)")
        continue
      }
      if let event = try ProgramEvent(decoding: frame) {
        found.append(event)
        #expect(try Event(decoding: frame) == nil)
      } else {
        logs += try Event(decoding: frame) == .log("x") ? 1 : 0
      }
    }
    #expect(found == Self.events)
    #expect(logs == Self.events.count)
  }

  @Test func `orders come back as they were`() throws {
    for order in Self.orders {
      let frame = order.frame(sequence: 3)
      #expect(try ProgramOrder(decoding: frame) == order)
      #expect(try ProgramEvent(decoding: frame) == nil)
    }
  }

  @Test(arguments: [
    Frame(type: 32, sequence: 0, payload: []), Frame(type: 32, sequence: 0, payload: [3, 1]),
    Frame(type: 33, sequence: 0, payload: [0, 1]),
    Frame(type: 33, sequence: 0, payload: [9, 0, 0, 0, 0]),
  ])
  func `frames that no guest of ours sends are refused`(frame: Frame) {
    #expect(throws: WireError.self) { try ProgramEvent(decoding: frame) }
  }

  @Test func `an order for a stream that is none is refused`() {
    #expect(throws: WireError.self) {
      try ProgramOrder(decoding: Frame(type: 66, sequence: 0, payload: [0]))
    }
  }
}
