import GuestMemory
import HostOS
import Testing

/// A layout that a host would pad: 1 + 4 + 2 + 8 bytes, side by side.
private struct Record: GuestValue, Hashable {
  var kind: UInt8
  var offset: Int32
  var flags: UInt16
  var sector: UInt64

  init(kind: UInt8, offset: Int32, flags: UInt16, sector: UInt64) {
    self.kind = kind
    self.offset = offset
    self.flags = flags
    self.sector = sector
  }

  static let byteCount = 15

  init(_ fields: inout FieldReader) {
    kind = fields.next()
    offset = fields.next()
    flags = fields.next()
    sector = fields.next()
  }

  func encode(_ fields: inout FieldWriter) {
    fields.append(kind)
    fields.append(offset)
    fields.append(flags)
    fields.append(sector)
  }
}

/// A layout whose author cannot count.
private struct Miscounted: GuestValue {
  static let byteCount = 3
  init() {}
  init(_ fields: inout FieldReader) { _ = fields.next() as UInt32 }
  func encode(_ fields: inout FieldWriter) { fields.append(UInt16(0)) }
}

@Suite struct ValueTests {
  private let record = Record(
    kind: 0x11, offset: -2, flags: 0x3344, sector: 0x1122_3344_5566_7788)
  private let recordBytes: [UInt8] = [
    0x11,  // kind
    0xfe, 0xff, 0xff, 0xff,  // offset
    0x44, 0x33,  // flags
    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,  // sector
  ]

  @Test func `M21 a layout's fields lie side by side, little-endian, wherever they start`() throws {
    let map = try makeMap((0x1000, 0x10), (0x1010, 0x30))
    for offset in 0..<UInt64(0x40 - 15) {
      let at = GuestAddress(0x1000 + offset)
      try map.writeValue(record, at: at)
      #expect(try map.bytes(at: at, count: 15) == recordBytes)
      #expect(try map.readValue(Record.self, at: at) == record)
    }
  }

  @Test func `M21 R12 integers of every width are their bytes, across regions too`() throws {
    let map = try makeMap((0x1000, 7), (0x1007, 9))
    func check<Value: GuestValue & FixedWidthInteger>(_ value: Value) throws {
      for offset in 0...(16 - Value.byteCount) {
        let at = GuestAddress(0x1000 + UInt64(offset))
        try map.write(pattern(16), at: GuestAddress(0x1000))
        try map.writeValue(value, at: at)
        #expect(try map.readValue(at: at) == value)
        var model = pattern(16)
        for byte in 0..<Value.byteCount {
          model[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
        }
        #expect(try map.bytes(at: GuestAddress(0x1000), count: 16) == model)
      }
    }
    try check(UInt8(0x81))
    try check(UInt16(0x8182))
    try check(UInt32(0x8182_8384))
    try check(UInt64(0x8182_8384_8586_8788))
    try check(Int8(-1))
    try check(Int16(-2))
    try check(Int32(-3))
    try check(Int64(-4))
  }

  @Test func `R23 what does not fit whole is refused before a byte is touched`() throws {
    let map = try makeMap((0x1000, 16), (0x2000, 16))
    try map.write(pattern(16), at: GuestAddress(0x1000))
    let source = [UInt8](repeating: 0xaa, count: 4)
    var target = [UInt8](repeating: 0xee, count: 4)
    var targetSpan = target.mutableSpan
    var room = targetSpan.mutableBytes
    let hole = GuestMemoryError.unmapped(GuestAddress(0x1010))
    do throws(GuestMemoryError) {
      try map.writeBytes(source.span.bytes, at: GuestAddress(0x100d))
      Issue.record("outside")
    } catch {
      #expect(error == hole)
    }
    do throws(GuestMemoryError) {
      try map.readBytes(at: GuestAddress(0x100d), into: &room)
      Issue.record("outside")
    } catch {
      #expect(error == hole)
    }
    #expect(throws: hole) { try map.writeValue(UInt32(0), at: GuestAddress(0x100d)) }
    #expect(throws: hole) { try map.readValue(UInt32.self, at: GuestAddress(0x100d)) }
    #expect(throws: hole) { try map.writeValues([UInt16(0), 0], at: GuestAddress(0x100d)) }
    #expect(throws: hole) { try map.bytes(at: GuestAddress(0x100d), count: 4) }
    #expect(target == [0xee, 0xee, 0xee, 0xee])
    #expect(try map.bytes(at: GuestAddress(0x1000), count: 16) == pattern(16))
    try map.writeBytes(source.span.bytes, at: GuestAddress(0x100c))
    #expect(try map.bytes(at: GuestAddress(0x100c), count: 4) == source)
  }

  @Test func `R24 an array of values has the length of its elements`() throws {
    let map = try makeMap((0x1000, 64))
    let values: [UInt32] = [1, 0x0203_0405, .max]
    try map.writeValues(values, at: GuestAddress(0x1001))
    #expect(
      try map.bytes(at: GuestAddress(0x1000), count: 14) == [
        0, 1, 0, 0, 0, 5, 4, 3, 2, 0xff, 0xff, 0xff, 0xff, 0,
      ])
    #expect(try map.readValues(at: GuestAddress(0x1001), count: 3) == values)
    #expect(try map.readValues(UInt32.self, at: GuestAddress(0x1001), count: 0) == [])
    #expect(try map.readValues(Record.self, at: GuestAddress(0x1001), count: 4).count == 4)
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x1040))) {
      try map.readValues(Record.self, at: GuestAddress(0x1005), count: 4)
    }
    #expect(throws: GuestMemoryError.self) {
      try map.readValues(UInt64.self, at: GuestAddress(0x1000), count: .max)
    }
    // Up to the very last address.
    let top = try makeMap((0 &- 0x10, 0x10))
    try top.writeValues([UInt64(1), 2], at: GuestAddress(0 &- 0x10))
    #expect(try top.readValues(UInt64.self, at: GuestAddress(0 &- 0x10), count: 2) == [1, 2])
  }

  @Test func `R25 values are put side by side or at multiples of an alignment`() throws {
    let map = try makeMap((0x1000, 32))
    let at = GuestAddress(0x1003)
    for alignment in [0, 1, 2, 4, 8, 16] {
      try map.write([UInt8](repeating: 0xee, count: 32), at: GuestAddress(0x1000))
      let values: [UInt16] = [0x0101, 0x0202, 0x0303]
      var model = [UInt8](repeating: 0xee, count: 32)
      var place = 3
      var written = 0
      for value in values {
        if alignment > 1 { place = (place + alignment - 1) / alignment * alignment }
        guard place + 2 <= 32 else { break }
        model[place] = UInt8(value & 0xff)
        model[place + 1] = UInt8(value >> 8)
        place += 2
        written += 1
      }
      #expect(try map.writeValues(values, at: at, alignment: alignment) == written)
      #expect(try map.bytes(at: GuestAddress(0x1000), count: 32) == model)
    }
    #expect(try map.writeValues([UInt16](), at: GuestAddress(0), alignment: 8) == 0)
  }

  @Test func `R25 the values that fit are written, and it is an error only when none does`() throws
  {
    let map = try makeMap((0x1000, 10))
    let endless = sequence(first: UInt32(1)) { $0 &+ 1 }
    #expect(try map.writeValues(endless, at: GuestAddress(0x1000), alignment: 1) == 2)
    #expect(try map.bytes(at: GuestAddress(0x1000), count: 10) == [1, 0, 0, 0, 2, 0, 0, 0, 0, 0])
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x100a))) {
      try map.writeValues([UInt32(1)], at: GuestAddress(0x1007), alignment: 1)
    }
    #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x100a))) {
      try map.writeValues(endless, at: GuestAddress(0x1005), alignment: 8)
    }
    #expect(throws: GuestMemoryError.addressOverflow(GuestAddress(.max - 2), count: 4)) {
      try map.writeValues([UInt32(1)], at: GuestAddress(.max - 2), alignment: 8)
    }
    let top = try makeMap((0 &- 0x10, 0x10))
    #expect(try top.writeValues(endless, at: GuestAddress(0 &- 0x10), alignment: 4) == 4)
    let slice = try map.slice(at: GuestAddress(0x1000), count: 10)
    let packed = try slice.writeValues([UInt32(7), 8, 9], at: 1, alignment: 2)
    #expect(packed == 2)
    #expect(try map.bytes(at: GuestAddress(0x1002), count: 8) == [7, 0, 0, 0, 8, 0, 0, 0])
    do throws(GuestMemoryError) {
      _ = try slice.writeValues([UInt32(7)], at: .max - 2, alignment: 8)
      Issue.record("outside")
    } catch {
      #expect(error == .outOfBounds(offset: .max - 2, count: 4, length: 0))
    }
  }

  @Test func `R25 an alignment that is no power of two is our own mistake and stops the program`()
    async
  {
    for alignment in [3, 6, -8, .min] {
      await #expect(processExitsWith: .failure) { [alignment = alignment as Int] in
        let map = try makeMap((0x1000, 0x1000))
        _ = try map.writeValues([UInt16(1)], at: GuestAddress(0x1000), alignment: alignment)
      }
    }
  }

  @Test func `R26 a slice's bytes end at its end`() throws {
    let map = try makeMap((0x1_0000, 8192))
    let slice = try map.slice(at: GuestAddress(0x1_0000), count: 8192)
    let source = [UInt8](repeating: 1, count: 8192)
    try slice.writeBytes(source.span.bytes, at: 0)
    for (offset, count) in [(8192, 8192), (1, 8192), (8192, 1), (8193, 0), (-1, 1), (.max, 1)] {
      let part = [UInt8](repeating: 2, count: count)
      do throws(GuestMemoryError) {
        try slice.writeBytes(part.span.bytes, at: offset)
        Issue.record("outside")
      } catch {
        #expect(error == .outOfBounds(offset: offset, count: count, length: 8192))
      }
    }
    try slice.writeBytes([UInt8]().span.bytes, at: 8192)
    #expect(try map.bytes(at: GuestAddress(0x1_0000), count: 8192) == source)
  }

  @Test func `a layout that takes or gives another number of bytes than it says stops the program`()
    async
  {
    await #expect(processExitsWith: .failure) {
      let map = try makeMap((0, 0x1000))
      _ = try map.readValue(Miscounted.self, at: GuestAddress(0))
    }
    await #expect(processExitsWith: .failure) {
      let map = try makeMap((0, 0x1000))
      try map.writeValue(Miscounted(), at: GuestAddress(0))
    }
  }
}
