import Testing
import Wire

@Suite struct FrameTests {
  private static func frame(_ sequence: UInt32, _ count: Int = 3) -> Frame {
    Frame(
      type: 8, sequence: sequence,
      payload: (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ Int(sequence)) })
  }

  private static func bytes(_ sequences: [UInt32]) -> [UInt8] {
    sequences.flatMap { frame($0).encoded() }
  }

  @Test func `a frame has these bytes`() {
    // The two checksums were computed with another implementation of CRC-32C.
    let expected: [UInt8] = [
      0x4b, 0x53, 0x54, 0x52,  // magic "KSTR"
      0x01,  // version
      0x08,  // type
      0x95, 0xe6,  // low half of the header's CRC-32C
      0x02, 0x00, 0x00, 0x01,  // sequence number 0x01000002
      0x03, 0x00, 0x00, 0x00,  // length
      0x33, 0x94, 0x33, 0x44,  // CRC-32C of header and payload
      0x61, 0x62, 0x63,  // payload "abc"
    ]
    let frame = Frame(type: 8, sequence: 0x0100_0002, payload: Array("abc".utf8))
    #expect(frame.encoded() == expected)
  }

  @Test func `frames come back in order`() {
    #expect(
      readings([Self.bytes([0, 1, 2])]) == (0..<3).map { .frame(Self.frame(UInt32($0))) })
  }

  @Test func `nothing gives nothing`() {
    #expect(readings([]) == [])
    #expect(readings([[]]) == [])
  }

  @Test func `the largest payload passes and a larger one is no frame`() {
    let largest = Self.frame(0, Frame.maximumPayload)
    #expect(readings([largest.encoded()]) == [.frame(largest)])
    let larger = Self.frame(0, Frame.maximumPayload + 1).encoded()
    #expect(
      readings([larger, Self.bytes([0])])
        == [.garbage(byteCount: larger.count), .frame(Self.frame(0))])
  }

  @Test func `garbage before, between and behind is counted and skipped`() {
    // The second garbage begins like a magic, the third holds a whole magic.
    let stream: [UInt8] =
      [0, 1, 2] + Self.bytes([0]) + [0x4b, 0x53, 0x54, 0x4b] + Self.bytes([1])
      + [0x4b, 0x53, 0x54, 0x52] + [UInt8](repeating: 7, count: 30)
    #expect(
      readings([stream]) == [
        .garbage(byteCount: 3), .frame(Self.frame(0)), .garbage(byteCount: 4),
        .frame(Self.frame(1)), .garbage(byteCount: 34),
      ])
  }

  @Test func `a missing frame is a gap, and so is one that comes again`() {
    #expect(
      readings([Self.bytes([0, 2, 2])]) == [
        .frame(Self.frame(0)), .gap(expected: 1, found: 2), .frame(Self.frame(2)),
        .gap(expected: 3, found: 2), .frame(Self.frame(2)),
      ])
    #expect(readings([Self.bytes([5])]) == [.gap(expected: 0, found: 5), .frame(Self.frame(5))])
  }

  @Test func `sequence numbers wrap`() {
    #expect(
      readings([Self.bytes([.max, 0])]) == [
        .gap(expected: 0, found: .max), .frame(Self.frame(.max)), .frame(Self.frame(0)),
      ])
  }

  @Test func `a damaged payload is one corrupt frame and no gap`() {
    var stream = Self.bytes([0, 1, 2])
    stream[23 + 20] ^= 1  // first payload byte of the second frame
    #expect(
      readings([stream]) == [
        .frame(Self.frame(0)), .corrupt(type: 8, sequence: 1), .garbage(byteCount: 3),
        .frame(Self.frame(2)),
      ])
  }

  @Test(arguments: 0..<16)
  func `a damaged header makes its frame garbage and the next one a gap`(offset: Int) {
    var stream = Self.bytes([0, 1, 2])
    stream[23 + offset] ^= 0x10
    #expect(
      readings([stream]) == [
        .frame(Self.frame(0)), .garbage(byteCount: 23), .gap(expected: 1, found: 2),
        .frame(Self.frame(2)),
      ])
  }

  @Test(arguments: 1..<23)
  func `a cut last frame is told with its length`(length: Int) {
    let stream = Self.bytes([0]) + Self.bytes([1]).prefix(length)
    #expect(readings([stream]) == [.frame(Self.frame(0)), .cut(byteCount: length)])
  }

  @Test func `frames behind torn ones are found at the end`() {
    // Two writers were cut off inside long frames, then one wrote a whole one.
    let torn = Self.frame(1, 60_000).encoded().prefix(100)
    let stream = Self.bytes([0]) + torn + torn + Self.bytes([2])
    #expect(
      readings([stream]) == [
        .frame(Self.frame(0)), .garbage(byteCount: 100), .garbage(byteCount: 100),
        .gap(expected: 1, found: 2), .frame(Self.frame(2)),
      ])
    #expect(
      readings([stream + torn]) == readings([stream]) + [.cut(byteCount: 100)])
  }

  @Test func `garbage before a cut frame is told apart from it`() {
    #expect(
      readings([[1, 2, 3] + Self.bytes([0]).dropLast()])
        == [.garbage(byteCount: 3), .cut(byteCount: 22)])
  }

  @Test func `pieces of any size give the same readings`() {
    var corrupt = Self.bytes([3])
    corrupt[21] ^= 0x40
    let stream: [UInt8] =
      [9, 9] + Self.bytes([0, 1]) + [0x4b, 0x53] + Self.bytes([2]) + corrupt
      + [0x4b, 0x53, 0x54, 0x52, 1, 2, 3] + Self.bytes([5]) + Self.bytes([6]).dropLast(2)
    let whole = readings([stream])
    #expect(whole.count == 10)
    for cut in 0...stream.count {
      #expect(readings([Array(stream[..<cut]), Array(stream[cut...])]) == whole, "cut at \(cut)")
    }
    for size in 1..<30 {
      let pieces = stride(from: 0, to: stream.count, by: size).map {
        Array(stream[$0..<min($0 + size, stream.count)])
      }
      #expect(readings(pieces) == whole, "pieces of \(size)")
    }
  }

  @Test func `mutated streams never trap and what arrives is what was sent`() {
    let seed: UInt64 = 0x6672_616d
    var generator = SeededGenerator(seed: seed)
    let sent = Examples.events.enumerated().map { $0.element.frame(sequence: UInt32($0.offset)) }
    let clean = sent.flatMap { $0.encoded() }
    for round in 0..<3_000 {
      var stream = clean
      for _ in 0..<Int.random(in: 1...5, using: &generator) {
        let place = Int.random(in: 0..<stream.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: stream[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: stream.insert(UInt8.random(in: .min ... .max, using: &generator), at: place)
        case 2: stream.removeSubrange(place..<min(stream.count, place + 9))
        default: stream.removeSubrange(place...)
        }
        if stream.isEmpty { stream = [0x4b] }
      }
      let cut = Int.random(in: 0...stream.count, using: &generator)
      let found = readings([Array(stream[..<cut]), Array(stream[cut...])])
      for case .frame(let frame) in found {
        #expect(sent.contains(frame), "seed \(seed), round \(round)")
      }
    }
  }
}
