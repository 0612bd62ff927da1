import DriverMock
import GuestMemory

extension QueueFuzz {
  private static let dataEnd = 0x8000

  /// One move of the driver, mostly a lawful one.
  func drive(_ input: inout FuzzInput) throws {
    switch input.below(8) {
    case 0, 1: try submit(&input, indirect: false)
    case 2: try submit(&input, indirect: true)
    case 3: try driver.offer(offered(&input))
    case 4: try pokeDescriptor(&input)
    case 5: try pokeBytes(&input)
    case 6: try pokeIndex(&input)
    default: try pokeWishes(&input)
    }
  }

  private func submit(_ input: inout FuzzInput, indirect: Bool) throws {
    let count = 1 + input.below(4)
    let readable = input.below(count + 1)
    let segments = (0..<count).map { index -> MockDriver.Segment in
      let length = input.pick([0, 1, 15, 16, 64])
      let isReadable = input.rarely() ? index >= readable : index < readable
      return isReadable
        ? .readable([UInt8](repeating: UInt8(truncatingIfNeeded: operations), count: length))
        : .writable(length)
    }
    let shift = UInt64(input.below(3))
    func place() throws -> MockDriver.Request {
      try indirect
        ? driver.placeIndirect(segments, misalignedBy: shift) : driver.place(segments)
    }
    if let request = try? place() { return try driver.offer(request.head) }
    // All descriptors are in use: those that were returned are free now, and a driver that does not
    // care uses all of them again.
    _ = try driver.collect()
    if input.byte() % 4 == 0 { for head in 0..<layout.size { driver.recycle(head) } }
    if let request = try? place() { try driver.offer(request.head) }
  }

  private func offered(_ input: inout FuzzInput) -> UInt16 {
    input.rarely() ? input.uint16() : UInt16(input.below(Int(layout.size)))
  }

  private func pokeDescriptor(_ input: inout FuzzInput) throws {
    let index = UInt16(input.below(Int(layout.size)))
    let length = input.pick([
      UInt32(input.byte()), 16, 32, 16 * UInt32(input.byte()),
      UInt32(truncatingIfNeeded: input.hostileUInt64()),
    ])
    let address = address(for: length, &input)
    let flags = input.rarely() ? input.uint16() : UInt16(input.byte() & 7)
    let next = UInt16(input.below(Int(layout.size) + 1))
    try driver.setDescriptor(index, address, length, flags, next)
  }

  /// Where a buffer of that length lies: anywhere in the data, or such that it ends at the end of a
  /// region, a byte before or a byte after.
  private func address(for length: UInt32, _ input: inout FuzzInput) -> UInt64 {
    switch input.below(8) {
    case 0, 1: return UInt64(input.below(Self.dataEnd))
    case 2: return input.hostileUInt64()
    default:
      let region = input.pick(place.regions)
      let end = region.start &+ UInt64(region.bytes.count)
      return end &- UInt64(length) &+ UInt64(input.below(3)) &- 1
    }
  }

  private func pokeBytes(_ input: inout FuzzInput) throws {
    let part = input.pick([layout.descriptorTable, layout.availableRing, 0x4000])
    let offset = part + input.below(0x400)
    try place.map.write(input.data(1 + input.below(8)), at: GuestAddress(UInt64(offset)))
  }

  private func pokeIndex(_ input: inout FuzzInput) throws {
    let index =
      input.rarely()
      ? input.uint16() : model.nextAvailable &+ UInt16(input.below(Int(layout.size) + 2))
    try driver.setAvailableIndex(index)
  }

  private func pokeWishes(_ input: inout FuzzInput) throws {
    if input.flag() {
      try driver.setAvailableFlags(input.pick([0, 1, input.uint16()]))
    } else {
      let near = model.nextUsed &+ UInt16(input.below(8)) &- 2
      try driver.setUsedEvent(input.pick([near, near, input.uint16()]))
    }
  }
}
