import GuestMemory
import HostOS
import Virtio

/// One queue of a random workload: its driver, its buffers, and what it has under way.
final class DiskQueue {
  /// A request under way.
  private struct Underway {
    enum Kind {
      case read(DiskModel.Ticket, count: Int)
      case write(DiskModel.Ticket)
      case flush
    }

    var kind: Kind
    var length: Int
  }

  /// What is wrong with the device, so that going on makes no sense.
  private enum Trouble: Error {
    case queue(QueueError)
    case strangeAnswer(MockDriver.Used)
    case strangeStatus(UInt8)
    case notAnswered(Int)
  }

  /// Guest memory that each queue has for itself.
  static let memorySize: UInt64 = 0x10_0000
  // Each request has descriptors and buffers of its own, so that none is used twice at a time.
  private static let slots = 16
  private static let descriptorsPerSlot = 16
  private static let slotSize: UInt64 = 0x8000
  private static let mostSectors = 24

  private let device: BlockDevice
  private let index: Int
  private let memory: GuestMemoryMap
  private let workload: DiskWorkload
  private let model: DiskModel
  private let driver: MockDriver
  private let buffers: UInt64
  private var random: SplitMix64
  private var underway: [Underway?] = Array(repeating: nil, count: slots)
  private var count = 0

  init(
    _ device: BlockDevice, _ index: Int, _ memory: GuestMemoryMap, _ workload: DiskWorkload,
    _ model: DiskModel
  ) throws {
    self.device = device
    self.index = index
    self.memory = memory
    self.workload = workload
    self.model = model
    random = SplitMix64(seed: workload.seed &* 31 &+ UInt64(index))
    let base = UInt64(index) * Self.memorySize
    driver = try MockDriver(memory, size: 256, base: base + 0x1000, dataSize: 0x1000)
    buffers = base + 0x4_0000
    device.startQueue(index, try driver.makeQueue(device.acceptedFeatures))
  }

  /// Makes and answers this queue's share of the requests, and reads the whole disk at the end.
  func run(_ report: inout DiskWorkload.Report) throws {
    let share = workload.requests / workload.queues
    var made = 0
    while made < share || count > 0 {
      let batch = Int(random.next() % UInt64(workload.depth)) + 1
      for slot in 0..<Self.slots where underway[slot] == nil {
        guard made < share, count < batch else { break }
        try submit(slot)
        made += 1
      }
      try serve(&report)
      if workload.stops && random.next() % 500 == 0 { try restart(&report) }
    }
    for start in stride(from: 0, to: workload.sectors, by: Self.mostSectors) {
      let end = min(workload.sectors, start + Self.mostSectors)
      try offerRead(0, start..<end)
      while count > 0 { try serve(&report) }
    }
    _ = device.stopQueue(index)
  }

  // MARK: Requests

  private func submit(_ slot: Int) throws {
    let length = Int(random.next() % UInt64(Self.mostSectors)) + 1
    let start = Int(random.next() % UInt64(workload.sectors))
    let range = start..<min(workload.sectors, start + length)
    switch random.next() % 16 {
    case 0..<7: try offerRead(slot, range)
    case 7..<12: try offerWrite(slot, range)
    case 12: try offerRanges(slot, type: 11, range, flags: 0)
    case 13: try offerRanges(slot, type: 13, range, flags: UInt32(random.next() % 2))
    default:
      underway[slot] = Underway(kind: .flush, length: 1)
      try offer(slot, readable: header(4, 0), writable: 1)
    }
  }

  private func offerRead(_ slot: Int, _ range: Range<Int>) throws {
    let ticket = model.beginRead(range)
    underway[slot] = Underway(
      kind: .read(ticket, count: range.count), length: range.count * 512 + 1)
    try offer(slot, readable: header(0, range.lowerBound), writable: range.count * 512 + 1)
  }

  private func offerWrite(_ slot: Int, _ range: Range<Int>) throws {
    let ticket = model.beginWrite([range], zeroes: false)
    underway[slot] = Underway(kind: .write(ticket), length: 1)
    var words: [UInt64] = []
    words.reserveCapacity(range.count * 64)
    for sector in range { DiskModel.fill(&words, stamp: ticket.stamp ?? 0, sector: sector) }
    let bytes = unsafe words.withUnsafeBytes { unsafe Array($0) }
    try offer(slot, readable: header(1, range.lowerBound) + bytes, writable: 1)
  }

  private func offerRanges(
    _ slot: Int, type: UInt32, _ range: Range<Int>, flags: UInt32
  ) throws {
    // One range, or two that may overlap.
    var ranges = [range]
    if random.next() % 3 == 0 {
      let start = Int(random.next() % UInt64(workload.sectors))
      ranges.append(start..<min(workload.sectors, start + 4))
    }
    let ticket = model.beginWrite(Self.union(ranges), zeroes: true)
    underway[slot] = Underway(kind: .write(ticket), length: 1)
    let data = ranges.flatMap {
      littleEndian(UInt64($0.lowerBound)) + littleEndian(UInt32($0.count)) + littleEndian(flags)
    }
    try offer(slot, readable: header(type, 0) + data, writable: 1)
  }

  /// The same sectors, each once.
  private static func union(_ ranges: [Range<Int>]) -> [Range<Int>] {
    guard ranges.count == 2, ranges[0].overlaps(ranges[1]) else { return ranges }
    return [
      min(
        ranges[0].lowerBound, ranges[1].lowerBound)..<max(
          ranges[0].upperBound, ranges[1].upperBound)
    ]
  }

  private func header(_ type: UInt32, _ sector: Int) -> [UInt8] {
    littleEndian(type) + littleEndian(UInt32(0)) + littleEndian(UInt64(sector))
  }

  /// Lays a request out in descriptors cut at random, perhaps in an indirect table, and offers it.
  private func offer(_ slot: Int, readable: [UInt8], writable: Int) throws {
    let start = buffers + UInt64(slot) * Self.slotSize
    let answers = start + 0x4000
    try memory.write(readable, at: GuestAddress(start))
    try memory.write([0xee], at: GuestAddress(answers + UInt64(writable) - 1))
    let pieces =
      cut(start, readable.count).map { ($0.0, $0.1, UInt16(0)) }
      + cut(answers, writable).map { ($0.0, $0.1, MockDriver.deviceWritable) }
    let first = UInt16(slot * Self.descriptorsPerSlot)
    let isIndirect = random.next() % 2 == 0
    let table =
      isIndirect
      ? start + 0x3e00 : driver.descriptorTable.rawValue + 16 * UInt64(first)
    for (position, piece) in pieces.enumerated() {
      let isLast = position + 1 == pieces.count
      let next = UInt16(position + 1) + (isIndirect ? 0 : first)
      try memory.write(
        MockDriver.encode(
          piece.0, UInt32(piece.1), piece.2 | (isLast ? 0 : MockDriver.hasNext), isLast ? 0 : next),
        at: GuestAddress(table + 16 * UInt64(position)))
    }
    if isIndirect {
      try driver.setDescriptor(first, table, UInt32(16 * pieces.count), MockDriver.indirect)
    }
    try driver.offer(first)
    count += 1
  }

  /// Up to five pieces of a buffer.
  private func cut(_ start: UInt64, _ count: Int) -> [(UInt64, Int)] {
    var places = (0..<Int(random.next() % 5)).map { _ in Int(random.next() % UInt64(count)) }
    places = Set(places + [0]).sorted() + [count]
    return zip(places, places.dropFirst()).map { (start + UInt64($0), $1 - $0) }
  }

  // MARK: Answers

  private func serve(_ report: inout DiskWorkload.Report) throws {
    try turns(.notification)
    try collect(&report)
    guard device.inFlightCount(ofQueue: index) > 0, count > 0 else { return }
    // Nothing more is offered before something is answered, or only after a look.
    if random.next() % 2 == 0 { return }
    guard let descriptor = device.wakeDescriptor(ofQueue: index),
      try Poll.wait(readable: descriptor, timeoutNanoseconds: 10_000_000_000)
    else { throw Trouble.notAnswered(count) }
    try turns(.wake)
    try collect(&report)
  }

  private func turns(_ cause: ServiceCause) throws {
    var cause = cause
    while true {
      let outcome = device.service(queue: index, cause: cause)
      if let failure = outcome.failure { throw Trouble.queue(failure) }
      guard outcome.more else { return }
      cause = .continuation
    }
  }

  private func collect(_ report: inout DiskWorkload.Report) throws {
    for used in try driver.collect() {
      let slot = Int(used.head) / Self.descriptorsPerSlot
      guard Int(used.head) % Self.descriptorsPerSlot == 0, slot < Self.slots,
        let request = underway[slot]
      else { throw Trouble.strangeAnswer(used) }
      underway[slot] = nil
      count -= 1
      report.answered += 1
      let answers = buffers + UInt64(slot) * Self.slotSize + 0x4000
      let status = try memory.loadUInt8(at: GuestAddress(answers + UInt64(request.length) - 1))
      guard status <= 1 else { throw Trouble.strangeStatus(status) }
      let isOK = status == 0
      guard used.length == UInt32(isOK ? request.length : 1) else {
        throw Trouble.strangeAnswer(used)
      }
      if !isOK { report.failed += 1 }
      switch request.kind {
      case .flush: break
      case .write(let ticket): model.endWrite(ticket, succeeded: isOK)
      case .read(let ticket, let sectors):
        let words = isOK ? try self.words(answers, sectors * 64) : nil
        if isOK { report.compared += sectors }
        if let trouble = model.endRead(ticket, words: words) {
          report.note("seed \(workload.seed), queue \(index), read \(ticket.sectors): \(trouble)")
        }
      }
    }
  }

  private func words(_ address: UInt64, _ count: Int) throws -> [UInt64] {
    let bytes = try memory.bytes(at: GuestAddress(address), count: count * 8)
    return unsafe bytes.withUnsafeBytes { buffer in
      (0..<count).map { unsafe buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
    }
  }

  /// Stops the queue, which ends what is under way, and starts it again where it stood.
  private func restart(_ report: inout DiskWorkload.Report) throws {
    guard let position = device.stopQueue(index) else { return }
    try collect(&report)
    guard count == 0 || position.nextAvailable != driver.availableIndex else {
      throw Trouble.notAnswered(count)
    }
    device.startQueue(
      index,
      try driver.makeQueue(device.acceptedFeatures, nextAvailable: position.nextAvailable))
  }
}
