import HostOS
import KVM
import Testing

/// Random accesses to ports, memory and what is neither, against a model of what they must do.
@Suite(.timeLimit(.minutes(1))) struct AccessFuzzTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `guests of random accesses exit as the model says`(seed: UInt64) throws {
    for guest in 0..<25 as Range<UInt64> {
      let mode = GuestMode.allCases[Int(guest % 3)]
      var program = RandomProgram(mode, seed: seed << 32 | guest)
      program.generate(40)
      try check(program, "seed \(seed), guest \(guest), \(mode)")
    }
  }

  private func check(_ program: RandomProgram, _ name: String) throws {
    var guest = try Guest(program.code)
    guest.write(program.initialMemory, at: RandomProgram.memoryStart)
    var left = program.events[...]
    /// Takes the next event of the model, which must be this one but for an answer; its answer.
    func next(_ event: RandomProgram.Event) throws -> UInt64 {
      let expected = left.popFirst()
      try #require(expected?.withoutAnswer == event, "\(name)")
      return expected?.answer ?? 0
    }
    try guest.runUntilHalt { exit, vcpu in
      switch exit {
      case .portWrite(let access):
        for index in 0..<access.count {
          let value = UInt64(vcpu.portItem(of: access, at: index))
          _ = try next(.out(access.port, access.size, value))
        }
      case .portRead(let access):
        for index in 0..<access.count {
          let answer = try next(.input(access.port, access.size, answer: 0))
          vcpu.answer(access, at: index, with: UInt32(truncatingIfNeeded: answer))
        }
      case .mmioWrite(let access, let value):
        _ = try next(.write(access, value))
      case .mmioRead(let access):
        vcpu.answer(access, with: try next(.read(access, answer: 0)))
      default:
        Issue.record("\(name): \(exit)")
        throw Unexpected(exit: exit)
      }
    }
    #expect(left.isEmpty, "\(name): the model has more exits")
    let registers = try guest.vcpu.registers()
    #expect(registers.rax == program.ax, "\(name)")
    #expect(registers.rcx == program.cx, "\(name)")
    #expect(
      guest.read(program.memory.count, at: RandomProgram.memoryStart) == program.memory, "\(name)")
  }
}

/// A program of random accesses, made together with what it must cause.
struct RandomProgram {
  enum Event: Equatable {
    case out(UInt16, Int, UInt64)
    case input(UInt16, Int, answer: UInt64)
    case write(MMIOAccess, UInt64)
    case read(MMIOAccess, answer: UInt64)

    var answer: UInt64 {
      switch self {
      case .input(_, _, let answer), .read(_, let answer): answer
      default: 0
      }
    }

    var withoutAnswer: Event {
      switch self {
      case .input(let port, let size, _): .input(port, size, answer: 0)
      case .read(let access, _): .read(access, answer: 0)
      default: self
      }
    }
  }

  /// The memory that it uses: the last 16 KiB of the guest's, so that accesses run past its end.
  static let memoryStart = memoryEnd - 0x4000
  static let memoryEnd = UInt64(Guest.memorySize)

  private(set) var code: Assembly
  private(set) var events: [Event] = []
  private(set) var memory: [UInt8]
  let initialMemory: [UInt8]
  private(set) var ax: UInt64 = 0
  private(set) var cx: UInt64 = 0
  private var random: SplitMix64

  init(_ mode: GuestMode, seed: UInt64) {
    code = Assembly(mode)
    var random = SplitMix64(seed: seed)
    memory = (0..<0x4000).map { _ in UInt8.random(in: 0...255, using: &random) }
    initialMemory = memory
    self.random = random
  }

  /// Appends so many random accesses, and the end.
  mutating func generate(_ count: Int) {
    code.set(.ax, 0)
    code.set(.cx, 0)
    for _ in 0..<count {
      switch Int.random(in: 0..<7, using: &random) {
      case 0: setValue()
      case 1: portWrite()
      case 2: portRead()
      case 3: store()
      case 4: load()
      case 5: repeatedWrite()
      default: repeatedRead()
      }
    }
    code.halt()
  }

  private mutating func any(_ range: Range<UInt64>) -> UInt64 {
    UInt64.random(in: range, using: &random)
  }

  private mutating func size(_ sizes: [Int]) -> Int {
    sizes.randomElement(using: &random) ?? 1
  }

  private static func mask(_ size: Int) -> UInt64 { UInt64.max >> UInt64(64 - 8 * size) }

  /// What a register holds after a write of so many bytes: four clear the upper half, less keep it.
  private static func merged(_ old: UInt64, _ value: UInt64, _ size: Int) -> UInt64 {
    let mask = Self.mask(size)
    return size >= 4 ? value & mask : old & ~mask | value & mask
  }

  private mutating func setValue() {
    ax = code.mode == .long64 ? random.next() : any(0..<(1 << 32))
    code.set(.ax, ax)
  }

  private mutating func setPort() -> UInt16 {
    let port = UInt16(any(0..<0x10000))
    code.set(.dx, UInt64(port))
    return port
  }

  private mutating func portWrite() {
    let port = setPort()
    let size = size([1, 2, 4])
    code.out(size)
    events.append(.out(port, size, ax & Self.mask(size)))
  }

  private mutating func portRead() {
    let port = setPort()
    let size = size([1, 2, 4])
    code.input(size)
    let answer = random.next()
    events.append(.input(port, size, answer: answer))
    ax = Self.merged(ax, answer, size)
  }

  /// An address in memory, past it, or across its end or the end of a page past it.
  private mutating func setAddress() -> UInt64 {
    let address =
      switch any(0..<4) {
      case 0: Self.memoryStart + any(0..<0x3ff8)
      case 1: Self.memoryEnd + any(0..<0x1000_0000)
      case 2: Self.memoryEnd - any(0..<9)
      default: Self.memoryEnd + 0x1000 * any(1..<100) - any(0..<9)
      }
    code.set(.bx, address)
    return address
  }

  /// The parts of an access: whole in memory, and page by page past it.
  private static func parts(_ address: UInt64, _ size: Int) -> [(address: UInt64, length: Int)] {
    let end = address + UInt64(size)
    let boundary = (address | 0xfff) + 1
    if end <= boundary { return [(address, size)] }
    return [(address, Int(boundary - address)), (boundary, Int(end - boundary))]
  }

  private var memorySizes: [Int] { code.mode == .long64 ? [1, 2, 4, 8] : [1, 2, 4] }

  private mutating func store() {
    let address = setAddress()
    let size = size(memorySizes)
    let register: Assembly.Register = any(0..<2) == 0 ? .ax : .cx
    let value = register == .ax ? ax : cx
    code.store(register, size)
    var shift: UInt64 = 0
    for part in Self.parts(address, size) {
      let bits = (value & Self.mask(size)) >> shift & Self.mask(part.length)
      if part.address < Self.memoryEnd {
        for byte in 0..<part.length {
          memory[Int(part.address - Self.memoryStart) + byte] = UInt8(
            truncatingIfNeeded: bits >> UInt64(8 * byte))
        }
      } else {
        events.append(.write(MMIOAccess(address: part.address, length: part.length), bits))
      }
      shift += UInt64(8 * part.length)
    }
  }

  private mutating func load() {
    let address = setAddress()
    let size = size(memorySizes)
    let register: Assembly.Register = any(0..<2) == 0 ? .ax : .cx
    code.load(register, size)
    var value: UInt64 = 0
    var shift: UInt64 = 0
    for part in Self.parts(address, size) {
      var bits: UInt64 = 0
      if part.address < Self.memoryEnd {
        for byte in 0..<part.length {
          bits |= UInt64(memory[Int(part.address - Self.memoryStart) + byte]) << UInt64(8 * byte)
        }
      } else {
        bits = random.next()
        events.append(.read(MMIOAccess(address: part.address, length: part.length), answer: bits))
      }
      value |= (bits & Self.mask(part.length)) << shift
      shift += UInt64(8 * part.length)
    }
    if register == .ax {
      ax = Self.merged(ax, value, size)
    } else {
      cx = Self.merged(cx, value, size)
    }
  }

  private mutating func repeatedWrite() {
    let (port, size, count, offset) = repetition(.si)
    code.repeatOuts(size)
    cx = 0
    for index in 0..<count {
      var item: UInt64 = 0
      for byte in 0..<size {
        item |= UInt64(memory[offset + index * size + byte]) << UInt64(8 * byte)
      }
      events.append(.out(port, size, item))
    }
  }

  private mutating func repeatedRead() {
    let (port, size, count, offset) = repetition(.di)
    code.repeatIns(size)
    cx = 0
    for index in 0..<count {
      let answer = random.next()
      events.append(.input(port, size, answer: answer))
      for byte in 0..<size {
        memory[offset + index * size + byte] = UInt8(truncatingIfNeeded: answer >> UInt64(8 * byte))
      }
    }
  }

  private mutating func repetition(
    _ pointer: Assembly.Register
  ) -> (port: UInt16, size: Int, count: Int, offset: Int) {
    let port = setPort()
    let size = size([1, 2, 4])
    let count = Int(any(0..<60))
    let offset = Int(any(0..<0x3e00))
    code.set(pointer, Self.memoryStart + UInt64(offset))
    code.set(.cx, UInt64(count))
    return (port, size, count, offset)
  }
}
