import GuestLogic
import Testing

@Suite struct DiskPatternTests {
  private static let words = 64

  private func withBlock(
    _ pattern: DiskPattern, at offset: UInt64,
    _ body: (UnsafeMutableBufferPointer<UInt64>) -> Void
  ) {
    let block = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: Self.words)
    defer { block.deallocate() }
    pattern.fill(block, at: offset)
    body(block)
  }

  @Test func `a block that was filled is found right`() {
    let pattern = DiskPattern(seed: 42, work: 1, worker: 2, pass: 3)
    withBlock(pattern, at: 8192) { #expect(pattern.firstMismatch($0, at: 8192) == nil) }
  }

  @Test(arguments: 0..<512)
  func `every single flipped byte is found where it is`(byte: Int) {
    let pattern = DiskPattern(seed: 7, work: 0, worker: 0, pass: 0)
    withBlock(pattern, at: 4096) { block in
      UnsafeMutableRawBufferPointer(block)[byte] ^= 0x10
      #expect(pattern.firstMismatch(block, at: 4096) == byte)
    }
  }

  @Test func `the first of several wrong bytes is told`() {
    let pattern = DiskPattern(seed: 7, work: 0, worker: 0, pass: 0)
    withBlock(pattern, at: 0) { block in
      UnsafeMutableRawBufferPointer(block)[13] ^= 1
      UnsafeMutableRawBufferPointer(block)[11] ^= 0x80
      #expect(pattern.firstMismatch(block, at: 0) == 11)
    }
  }

  @Test(arguments: [
    DiskPattern(seed: 2, work: 1, worker: 2, pass: 3),
    DiskPattern(seed: 1, work: 2, worker: 2, pass: 3),
    DiskPattern(seed: 1, work: 1, worker: 3, pass: 3),
    DiskPattern(seed: 1, work: 1, worker: 2, pass: 4),
  ])
  func `stale, foreign and misplaced blocks differ`(other: DiskPattern) {
    let pattern = DiskPattern(seed: 1, work: 1, worker: 2, pass: 3)
    withBlock(other, at: 512) { #expect(pattern.firstMismatch($0, at: 512) != nil) }
    withBlock(pattern, at: 512) { #expect(pattern.firstMismatch($0, at: 1024) != nil) }
  }

  @Test func `a zeroed block differs`() {
    let pattern = DiskPattern(seed: 0, work: 0, worker: 0, pass: 0)
    withBlock(pattern, at: 0) { block in
      block.update(repeating: 0)
      #expect(pattern.firstMismatch(block, at: 0) != nil)
    }
  }

  @Test func `bytes on the disk do not change between versions`() {
    let pattern = DiskPattern(seed: 42, work: 1, worker: 2, pass: 3)
    #expect(pattern.word(at: 0) == 0x230b_1e4f_bfe8_304d)
    #expect(pattern.word(at: 4096) == 0xc249_a643_792c_e489)
  }
}
