import Boot
import Testing

/// Whatever a kernel's image holds, there is a typed error or a plan within bounds.
@Suite struct BootFuzzTests {
  /// The first rule that a plan breaks, by a model of its own; nil for a good one.
  static func violation(
    in plan: BootPlan, imageSize: UInt64, request: BootRequest
  ) -> String? {
    let ram: Range<UInt64> = 0..<min(request.memory.bytes, 3 << 30)
    var taken: [(String, Range<UInt64>)] = plan.writes.map { ($0.what, $0.range) }
    taken += plan.fileSegments.map { ("segment", $0.range) }
    if let initrd = plan.initrd {
      guard initrd.bytes == request.initrdBytes, initrd.address % 4096 == 0 else {
        return "initrd \(initrd)"
      }
      taken.append(("initrd", initrd.range))
    } else if request.initrdBytes > 0 {
      return "no initrd"
    }
    for (index, (what, range)) in taken.enumerated() {
      guard ram.lowerBound <= range.lowerBound, range.upperBound <= ram.upperBound else {
        return "\(what) \(range) is not in RAM"
      }
      for (other, otherRange) in taken[..<index]
      where range.lowerBound < otherRange.upperBound && otherRange.lowerBound < range.upperBound {
        return "\(what) \(range) is over \(other) \(otherRange)"
      }
    }
    if let room = plan.room, !room.isEmpty {
      guard room.upperBound <= ram.upperBound else { return "the room \(room) is not in RAM" }
      for (what, range) in taken where what != "segment" && range.overlaps(room) {
        return "\(what) \(range) is in the room \(room)"
      }
    }
    for segment in plan.fileSegments {
      guard segment.fileOffset + segment.fileBytes <= imageSize else {
        return "segment \(segment) is not in the file"
      }
      guard segment.address >= 1 << 20 else { return "segment \(segment) is in low memory" }
    }
    guard plan.fileSegments.contains(where: { $0.range.contains(plan.entry.rip) }) else {
      return "entry \(plan.entry.rip)"
    }
    return nil
  }

  /// A request whose sizes are often at the borders.
  static func request(using generator: inout SeededGenerator) throws -> BootRequest {
    let memories: [UInt64] = [
      16 << 20, 33 << 20, 64 << 20, 512 << 20, 2 << 30, 3 << 30, (3 << 30) + 4096, 8 << 30,
    ]
    let initrds: [UInt64] = [
      0, 1, 4096, 10 << 20, 16 << 20, 40 << 20, 2 << 30, 3 << 30, 1 << 63, .max - 4096, .max,
    ]
    let length = [1, 100, 2047, 2048].randomElement(using: &generator) ?? 1
    return try BootFixtures.request(
      memory: memories.randomElement(using: &generator) ?? 0,
      initrd: initrds.randomElement(using: &generator) ?? 0, rsdp: 0xf_f000,
      entry: EntryChoice.allCases.randomElement(using: &generator) ?? .pvh,
      commandLine: String(repeating: "a", count: length))
  }

  static func fuzz(
    _ kernel: [UInt8], header: Range<Int>, seed: UInt64, rounds: Int
  ) throws -> (plans: Int, errors: Set<String>) {
    var generator = SeededGenerator(seed: seed)
    var plans = 0
    var errors: Set<String> = []
    for round in 0..<rounds {
      // The header is where it hurts; now and then the file ends early as well.
      var mutated = kernel
      let part = Mutation.mutate(Array(kernel[header]), using: &generator)
      mutated.replaceSubrange(header.lowerBound..<(header.lowerBound + part.count), with: part)
      if Int.random(in: 0..<8, using: &generator) == 0 {
        mutated.removeLast(Int.random(in: 0..<mutated.count, using: &generator))
      }
      let request = try request(using: &generator)
      do throws(BootError) {
        let plan = try BootFixtures.plan(mutated, request)
        plans += 1
        let violation = violation(in: plan, imageSize: UInt64(mutated.count), request: request)
        #expect(violation == nil, "seed \(seed), round \(round)")
      } catch {
        errors.insert(String("\(Mirror(reflecting: error).children.first?.label ?? "?")"))
        // Its text must not trap either.
        #expect(!error.description.isEmpty)
      }
    }
    return (plans, errors)
  }

  @Test func `mutated ELF kernels`() throws {
    let kernel = BootFixtures.elf()
    let result = try Self.fuzz(
      kernel, header: 0..<(64 + 3 * 56), seed: 0x6b74_7374_7205, rounds: 3000)
    #expect(result.plans > 50)
    #expect(
      result.errors.isSuperset(of: [
        "elf", "truncated", "outsideMemory", "noRoomForInitrd", "commandLine", "entryOutside",
        "wrongMachine", "segmentCount", "overlap",
      ]))
  }

  @Test func `mutated bzImages`() throws {
    let result = try Self.fuzz(
      BootFixtures.bzImage(), header: 0x1f1..<0x270, seed: 0x6b74_7374_7206, rounds: 3000)
    #expect(result.plans > 50)
    #expect(
      result.errors.isSuperset(of: [
        "bzImage", "truncated", "outsideMemory", "noRoomForInitrd", "commandLine", "notAKernel",
        "notMapped",
      ]))
  }

  /// Segments at random but plausible places, which mutation of bytes rarely makes.
  @Test func `kernels with segments anywhere`() throws {
    let seed: UInt64 = 0x6b74_7374_7207
    var generator = SeededGenerator(seed: seed)
    var plans = 0
    var overlaps = 0
    for round in 0..<1000 {
      let segments = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
        let shift = UInt64.random(in: 0...63, using: &generator)
        let isSane = Int.random(in: 0..<4, using: &generator) > 0
        return ImageFixtures.Segment(
          type: 1, bytes: [1, 2, 3],
          address: isSane
            ? UInt64.random(in: 1...24, using: &generator) << 20
            : UInt64.random(in: .min ... .max, using: &generator) >> shift,
          memorySize: isSane
            ? UInt64.random(in: 3...(8 << 20), using: &generator)
            : UInt64.random(in: .min ... .max, using: &generator) >> shift)
      }
      let kernel = BootFixtures.elf(entry: segments[0].address, segments: segments)
      var request = try Self.request(using: &generator)
      if round.isMultiple(of: 2) { request = try BootFixtures.request(initrd: 1 << 20) }
      do throws(BootError) {
        let plan = try BootFixtures.plan(kernel, request)
        plans += 1
        let violation = Self.violation(in: plan, imageSize: UInt64(kernel.count), request: request)
        #expect(violation == nil, "seed \(seed), round \(round)")
      } catch {
        if case .overlap = error { overlaps += 1 }
      }
    }
    #expect(plans > 100)
    #expect(overlaps > 100)
  }
}
