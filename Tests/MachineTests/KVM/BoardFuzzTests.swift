import HostOS
import Machine
import Testing
import Virtio

/// Random accesses to the board, from no vCPU in particular.
@Suite struct BoardFuzzTests {
  @Test func `random accesses get what the documents say and reach one device`() throws {
    try FuzzBudget(rounds: 40).run { seed in
      var random = SplitMix64(seed: seed)
      let whole = try TestBoard()
      let bytes = try TestBoard()
      var model = PortModel()
      for step in 0..<500 {
        let access = RandomAccess(&random)
        let name: Comment = "seed \(seed), step \(step): \(access)"
        if random.below(16) == 0 {
          let input = (0..<random.below(20)).map { _ in UInt8(random.below(256)) }
          let taken = whole.board.serial.receive(input[...])
          try #require(bytes.board.serial.receive(input[...]) == taken, name)
          model.receive(input, taken)
        }
        let before = (0..<2).map { whole.trace(of: $0) }
        let result = whole.perform(access)
        for window in 0..<2 where window != access.window {
          try #require(whole.trace(of: window) == before[window], name)
        }
        switch access.target {
        case .port:
          // A wide access is single ones in a row.
          let single = bytes.performBytes(access)
          try #require(result == single, name)
          let isDocumented = model.check(access, result)
          try #require(isDocumented, name)
        case .address(let address):
          try check(address, access, result.read, whole, bytes, name)
        }
      }
    }
  }

  private func check(
    _ address: UInt64, _ access: RandomAccess, _ read: UInt64?, _ whole: TestBoard,
    _ bytes: TestBoard, _ name: Comment
  ) throws {
    guard let window = access.window else {
      let ones = UInt64.max >> UInt64(64 - 8 * access.size)
      try #require(access.value != nil || read == ones, name)
      return
    }
    let offset = (address - RandomAccess.windows.lowerBound) % RandomAccess.windowSize
    guard offset >= MMIORegister.configurationStart else {
      // Control registers are whole words; nothing else is read, and nothing else is written.
      if access.size == 4, offset % 4 == 0 {
        _ = bytes.perform(access)
        try #require(whole.trace(of: window).last == bytes.trace(of: window).last, name)
      } else {
        try #require(access.value != nil || read == 0, name)
      }
      return
    }
    let end = offset + UInt64(access.size)
    guard access.value == nil, end <= RandomAccess.windowSize else { return }
    // The configuration space has natural widths, and a wide read is single ones.
    let isNatural = [1, 2, 4, 8].contains(access.size)
    try #require(read == (isNatural ? bytes.performBytes(access).read : 0), name)
  }
}

/// What is documented of the board's ports.
private struct PortModel {
  private var interruptEnable: UInt8 = 0
  private var lineControl: UInt8 = 0x03
  private var modemControl: UInt8 = 0x08
  private var scratch: UInt8 = 0
  private var divisor: UInt16 = 0x000c
  private var received: [UInt8] = []
  private var isFIFO = false

  mutating func receive(_ bytes: [UInt8], _ taken: Int) { received += bytes.prefix(taken) }

  /// Whether an access to ports went as documented.
  mutating func check(
    _ access: RandomAccess, _ result: (read: UInt64?, consequence: Board.Consequence)
  ) -> Bool {
    guard case .port(let first) = access.target else { return false }
    for index in 0..<access.size {
      let port = first &+ UInt16(index)
      let shift = UInt64(8 * index)
      if let value = access.value.map({ UInt8(truncatingIfNeeded: $0 >> shift) }) {
        if port == 0x64, value == 0xfe { return result.consequence == .reset }
        if port == 0x600, value & 0x20 != 0 { return result.consequence == .powerOff }
        if (0x3f8...0x3ff).contains(port) { write(value, port - 0x3f8) }
      } else {
        let value = UInt8(truncatingIfNeeded: (result.read ?? 0) >> shift)
        guard isDocumented(value, port) else { return false }
      }
    }
    return result.consequence == .none
  }

  private mutating func write(_ value: UInt8, _ register: UInt16) {
    let isDivisor = lineControl & 0x80 != 0
    switch register {
    case 0 where isDivisor: divisor = divisor & 0xff00 | UInt16(value)
    case 0:
      if modemControl & 0x10 != 0, received.count < 16 { received.append(value) }
    case 1 where isDivisor: divisor = divisor & 0xff | UInt16(value) << 8
    case 1: interruptEnable = value & 0x0f
    case 2:
      isFIFO = value & 1 != 0
      if value & 2 != 0 { received = [] }
    case 3: lineControl = value
    case 4: modemControl = value & 0x1f
    case 7: scratch = value
    default: break
    }
  }

  private mutating func isDocumented(_ value: UInt8, _ port: UInt16) -> Bool {
    let isDivisor = lineControl & 0x80 != 0
    switch port {
    case 0x3f8 where isDivisor: return value == UInt8(truncatingIfNeeded: divisor)
    case 0x3f8: return value == (received.isEmpty ? 0 : received.removeFirst())
    case 0x3f9: return value == (isDivisor ? UInt8(divisor >> 8) : interruptEnable)
    case 0x3fa:
      // Received data comes first; without it only the transmitter, if it was asked for.
      let causes: [UInt8] =
        interruptEnable & 1 != 0 && !received.isEmpty
        ? [4] : interruptEnable & 2 != 0 ? [1, 2] : [1]
      return causes.contains(value ^ (isFIFO ? 0xc0 : 0))
    case 0x3fb: return value == lineControl
    case 0x3fc: return value == modemControl
    case 0x3fd: return value == 0x60 | (received.isEmpty ? 0 : 1)
    case 0x3fe: return value & 0x0f == 0
    case 0x3ff: return value == scratch
    case 0x60, 0x64: return value == 0
    default: return value == 0xff
    }
  }
}
